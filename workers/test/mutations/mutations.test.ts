import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, test } from 'vitest'
import { checkoutDirectory } from '#workers/dev/processes/environment.ts'
import { type Fault, plant } from './fault.ts'
import { plantedFaults } from './faults/all.ts'
import { isEnough, type Judged } from './report.ts'
import { verdictOf } from './suites.ts'

const text = (file: string) => readFileSync(join(checkoutDirectory, file), 'utf8')
const fault: Fault = { promise: 'a sum is a sum', file: 'a.ts', find: 'a + b', replace: 'a - b', suites: ['a.test.ts'], money: false }

describe('the table of faults', () => {
  test.for(plantedFaults)('fits the code: $room, $fault.promise', ({ fault: planted }, { expect }) => {
    expect(plant(planted, text(planted.file))).not.toBe(text(planted.file))
    expect(planted.suites.length).toBeGreaterThan(0)
    for (const suite of planted.suites) expect(text(suite)).toContain('test')
  })

  test('names each promise once', ({ expect }) => {
    const promises = plantedFaults.map(({ fault: { promise } }) => promise)
    expect(promises).toEqual([...new Set(promises)])
  })

  test('is refused where it no longer fits', ({ expect }) => {
    expect(plant(fault, 'f(a + b)')).toBe('f(a - b)')
    expect(() => plant(fault, 'f(b + a)')).toThrow('does not hold')
    expect(() => plant(fault, 'f(a + b, a + b)')).toThrow('more than once')
    expect(() => plant({ ...fault, replace: fault.find }, 'a + b')).toThrow('nothing would change')
  })
})

describe('a fault is caught', () => {
  const report = (success: boolean, statuses: string[], message = '') => ({
    success,
    numPassedTests: statuses.filter((status) => status === 'passed').length,
    testResults: [{ message, assertionResults: statuses.map((status) => ({ status, fullName: `it ${status}` })) }],
  })

  test.for([
    ['by a failed test', report(false, ['passed', 'failed', 'pending']), 'caught'],
    ['not when all pass', report(true, ['passed']), 'survived'],
    ['not by a suite that does not load', report(false, [], 'Transform failed'), 'broken'],
    ['not by a preparation that fails', report(false, ['skipped', 'skipped']), 'broken'],
    ['not by an error outside all tests', report(false, ['passed']), 'broken'],
    ['not when no test ran', report(true, []), 'broken'],
  ] as const)('%s', ([, given, verdict], { expect }) => {
    expect(verdictOf(given).verdict).toBe(verdict)
  })
})

test('enough are caught when 95 % are, and every one that costs money', ({ expect }) => {
  const judged = (verdict: Judged['verdict'], money: boolean): Judged => ({
    room: 'a',
    fault: { ...fault, money },
    seconds: 1,
    by: '',
    verdict,
  })
  const caught = Array.from({ length: 19 }, () => judged('caught', true))
  expect(isEnough([...caught, judged('survived', false)])).toBe(true)
  expect(isEnough([...caught, judged('broken', true)])).toBe(false)
  expect(isEnough([...caught.slice(1), judged('survived', false)])).toBe(false)
})
