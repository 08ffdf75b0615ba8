import { expect, test } from 'vitest'
import type { FaultKind } from './ask.ts'
import { type Finding, judgeRoute } from './judge-route.ts'

const faultOf = (kind: FaultKind): Finding => ({ kind, status: 503, step: 'probe' })

/** The state after each finding, of a route that began well. */
function statesAfter(...findings: Finding[]): string[] {
  let known: ReturnType<typeof judgeRoute> = { state: 'up', failures: 0, reason: 'It answers.' }
  return findings.map((finding) => {
    known = judgeRoute(known, finding)
    return known.state
  })
}

test.each(['missing', 'credentials'] as const)('%s brings a route down at once', (kind) => {
  expect(statesAfter(faultOf(kind))).toEqual(['down'])
})

test.each(['overloaded', 'unreachable', 'timeout', 'failed', 'malformed'] as const)('%s brings a route down when found twice', (kind) => {
  expect(statesAfter(faultOf(kind), faultOf(kind))).toEqual(['up', 'down'])
  expect(statesAfter(faultOf(kind), 'answered', faultOf(kind))).toEqual(['up', 'up', 'up'])
})

test('two faults in a row count as two, whatever they are', () => {
  expect(statesAfter(faultOf('timeout'), faultOf('failed'))).toEqual(['up', 'down'])
})

test('cooling brings no route down, however long, and none up', () => {
  expect(statesAfter(...Array.from({ length: 5 }, () => faultOf('cooling')))).toEqual(['up', 'up', 'up', 'up', 'up'])
  expect(statesAfter(faultOf('missing'), faultOf('cooling'))).toEqual(['down', 'down'])
})

test('one answer brings a route up; a place in the catalogue does not', () => {
  expect(statesAfter(faultOf('credentials'), 'listed', 'answered')).toEqual(['down', 'down', 'up'])
})

test('the reason is a sentence of ours with what was asked and the status', () => {
  const known = { state: 'up' as const, failures: 0, reason: '' }
  expect(judgeRoute(known, { kind: 'overloaded', status: 503, step: 'probe' }).reason).toBe('It is overloaded. (probe, status 503)')
  expect(judgeRoute(known, { kind: 'missing', status: null, step: 'catalogue' }).reason).toBe('It does not have the model. (catalogue)')
})
