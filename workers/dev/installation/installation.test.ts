import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { judgeInstallation, writeStamp } from './installation.mjs'

const lockfile = { packages: { '': {}, 'node_modules/a': { version: '1.0.0' }, 'node_modules/b': { version: '2.0.0', optional: true } } }
let root: string

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'relay-install-'))
  writeFileSync(join(root, 'package-lock.json'), JSON.stringify(lockfile))
})
afterEach(() => rmSync(root, { recursive: true }))

function installed(packages: object): void {
  mkdirSync(join(root, 'node_modules', '.bin'), { recursive: true })
  writeFileSync(join(root, 'node_modules', '.bin', 'node'), '')
  writeFileSync(join(root, 'node_modules', '.package-lock.json'), JSON.stringify({ packages }))
}

test('nothing installed is missing', () => {
  expect(judgeInstallation(root)).toBe('missing')
})

test('an installation by hand that matches the lockfile is taken over, absent optional packages included', () => {
  installed({ 'node_modules/a': { version: '1.0.0' } })
  expect(judgeInstallation(root)).toBe('unstamped')
})

test('another version, or an installation cut short, is stale', () => {
  installed({ 'node_modules/a': { version: '0.9.0' } })
  expect(judgeInstallation(root)).toBe('stale')
  rmSync(join(root, 'node_modules', '.package-lock.json'))
  expect(judgeInstallation(root)).toBe('stale')
})

test('after the stamp only a changed lockfile makes it stale', () => {
  installed({ 'node_modules/a': { version: '1.0.0' } })
  writeStamp(root)
  expect(judgeInstallation(root)).toBe('stamped')
  writeFileSync(
    join(root, 'package-lock.json'),
    JSON.stringify({ packages: { ...lockfile.packages, 'node_modules/c': { version: '3.0.0' } } }),
  )
  expect(judgeInstallation(root)).toBe('stale')
})
