import { expect, test } from 'vitest'
import type { WrittenEntry } from '#shared/contracts/api/audit.ts'
import { hashOfEntry } from '#workers/services/audit/chain-check.ts'
import { ok, scriptedAdmin } from './testing/scripted-admin.ts'

const admin = scriptedAdmin()
const audit = (parameters: string[], input?: string) => admin.relay(['audit', ...parameters], input)

const noted = 'a'.repeat(64)

async function chainOf(...actions: string[]): Promise<WrittenEntry[]> {
  const entries: WrittenEntry[] = []
  for (const [index, action] of actions.entries()) {
    const previousHash = entries.at(-1)?.hash ?? '0'.repeat(64)
    const actor = { atMicros: '1', actorType: 'user', actorId: 'usr_a', ip: null, requestId: null }
    const change = { action, targetType: 'api_key', targetId: 'key_a', before: null, after: '{}' }
    const entry = { chain: 'org_a', seq: String(index + 1), ...actor, ...change, previousHash, hash: '' }
    entries.push({ ...entry, hash: await hashOfEntry(entry) })
  }
  return entries
}

const linesOf = (entries: WrittenEntry[]) => entries.map((entry) => `${JSON.stringify(entry)}\n`).join('')

test('show asks for what was chosen and shows a line for each change', async () => {
  const of = { ip: null, requestId: null, before: { name: 'a' }, after: null, hash: noted }
  const entry = { seq: 3, at: '2026-01-01T00:00:00.000Z', actor: { type: 'user', id: 'usr_a' }, target: { type: 'api_key', id: 'key_a' } }
  admin.answers = [ok({ data: [{ ...entry, ...of, action: 'key.revoked' }], next: 'Zm9v' })]
  const { code, out } = await audit(['show', 'org_a', '--actor', 'usr_a', '--from', '2026-01-01T00:00:00Z'])
  expect(admin.sent.map(({ path }) => path)).toEqual(['GET /audit/org_a?actor=usr_a&from=2026-01-01T00%3A00%3A00Z'])
  expect(code).toBe(0)
  expect(out).toMatch(/^ *3 +2026-01-01T00:00:00\.000Z +user usr_a +key\.revoked +api_key key_a +\{"name":"a"\}$/m)
  expect(out).toContain('--cursor Zm9v')
})

test('verify goes on to the end of the chain, and tells the head to note', async () => {
  admin.answers = [
    { outcome: 'unfinished', entries: 20_000, head: { seq: 20_000, hash: noted }, broken: null, next: 'bmV4dA' },
    { outcome: 'whole', entries: 5, head: { seq: 20_005, hash: noted }, broken: null, next: null },
  ].map(ok)
  const { code, out } = await audit(['verify', 'platform', '--head', `7:${noted}`])
  const head = `headSeq=7&headHash=${noted}`
  expect(admin.sent.map(({ path }) => path)).toEqual([
    `GET /audit/platform/verification?${head}`,
    `GET /audit/platform/verification?${head}&cursor=bmV4dA`,
  ])
  expect([code, out]).toEqual([0, `The log is whole, 20005 entries checked.\nNote its head: --head 20005:${noted}\n`])
})

test('verify ends with 1 when the log was touched', async () => {
  admin.answers = [ok({ outcome: 'broken', entries: 2, head: null, broken: { seq: 3, reason: 'altered' }, next: null })]
  expect(await audit(['verify', 'org_a'])).toMatchObject({ code: 1, out: expect.stringContaining('entry 3 is altered') })
})

test('export prints what verify - then verifies without any deployment', async () => {
  const entries = await chainOf('key.created', 'key.revoked', 'key.created')
  admin.answers = [
    { entries: entries.slice(0, 2), next: 2 },
    { entries: entries.slice(2), next: null },
  ].map(ok)
  const { out } = await audit(['export', 'org_a'])
  expect(admin.sent.map(({ path }) => path)).toEqual(['GET /audit/org_a/entries?after=0', 'GET /audit/org_a/entries?after=2'])
  expect(out).toBe(linesOf(entries))
  expect(await audit(['verify', '-'], out)).toMatchObject({ code: 0, out: expect.stringContaining(`3:${entries[2]?.hash}`) })
  const cut = linesOf(entries.slice(0, 2))
  expect((await audit(['verify', '-'], cut)).code).toBe(0)
  expect((await audit(['verify', '-', '--head', `3:${entries[2]?.hash}`], cut)).out).toContain('entry 3 is cut off')
  expect((await audit(['verify', '-'], out.replace('key.revoked', 'key.created'))).out).toContain('entry 2 is altered')
  expect(await audit(['verify', '-'], 'no export')).toMatchObject({ code: 1, out: '', err: expect.stringContaining('not an export') })
  expect((await audit(['verify', 'org_a', '--head', '7'])).code).toBe(2)
})
