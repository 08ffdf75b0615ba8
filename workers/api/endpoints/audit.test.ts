import { afterAll, beforeAll, expect, test } from 'vitest'
import { AuditPage, AuditVerification, WrittenEntry } from '#shared/contracts/api/audit.ts'
import { newId } from '#shared/values/id.ts'
import { hashOfEntry } from '#workers/services/audit/chain-check.ts'
import { recordChange } from '#workers/services/audit/record-change.ts'
import type { Actor } from '#workers/services/platform.ts'
import { type Stage, setStage, type TestPerson } from '../testing/stage.ts'

let stage: Stage
let owner: TestPerson
beforeAll(async () => {
  stage = await setStage()
  owner = await stage.person()
})
afterAll(() => stage?.stop())

const ada: Actor = { type: 'user', id: 'usr_ada', ip: '203.0.113.9', requestId: 'req_a' }
const job: Actor = { type: 'system', id: 'alerts', ip: null, requestId: null }

async function write(chain: { organizationId: string } | { userId: string }, actor: Actor, action: string, id: string): Promise<void> {
  await stage.surroundings.transact((tx) =>
    recordChange(tx, actor, { chain, action, target: { type: 'api_key', id }, after: { name: id } }),
  )
}

/** An organization with a log of seven entries. */
async function newLog(): Promise<string> {
  const organizationId = await stage.organization([[owner, 'owner']])
  for (const id of ['key_a', 'key_b', 'key_c', 'key_d', 'key_e']) await write({ organizationId }, ada, 'key.created', id)
  for (const id of ['key_a', 'key_b']) await write({ organizationId }, job, 'key.revoked', id)
  return organizationId
}

async function list(organizationId: string, query = ''): Promise<AuditPage> {
  const { status, json } = await stage.call('GET', `/api/organizations/${organizationId}/audit-log${query}`, { cookie: owner.cookie })
  expect(status).toBe(200)
  return AuditPage.parse(json)
}

test('the log is read page by page, the newest first, each entry once', async () => {
  const organizationId = await newLog()
  const seen: number[] = []
  for (let query: string | null = '?limit=3'; query !== null; ) {
    const page: AuditPage = await list(organizationId, query)
    seen.push(...page.data.map(({ seq }) => seq))
    query = page.next === null ? null : `?limit=3&cursor=${page.next}`
  }
  expect(seen).toEqual([7, 6, 5, 4, 3, 2, 1])
  expect((await list(organizationId)).data[6]).toMatchObject({
    seq: 1,
    actor: { type: 'user', id: 'usr_ada' },
    ip: '203.0.113.9',
    requestId: 'req_a',
    action: 'key.created',
    target: { type: 'api_key', id: 'key_a' },
    before: null,
    after: { name: 'key_a' },
  })
})

test('a search keeps to the actor, action, target and time that it names', async () => {
  const organizationId = await newLog()
  const seqs = async (query: string) => (await list(organizationId, query)).data.map(({ seq }) => seq)
  expect(await seqs('?actor=alerts')).toEqual([7, 6])
  expect(await seqs('?action=key.created&limit=200')).toEqual([5, 4, 3, 2, 1])
  expect(await seqs('?target=key_a')).toEqual([6, 1])
  expect(await seqs('?target=key_a&actor=alerts')).toEqual([6])
  expect(await seqs('?from=2100-01-01T00:00:00Z')).toEqual([])
  expect(await seqs('?to=2000-01-01T00:00:00Z')).toEqual([])
  expect(await seqs('?from=2000-01-01T00:00:00Z&to=2100-01-01T00:00:00%2B02:00&limit=1')).toEqual([7])
})

test('a cursor of another organization, or of nobody, is refused', async () => {
  const [mine, other] = [await newLog(), await newLog()]
  const foreign = (await list(other, '?limit=1')).next
  for (const cursor of [foreign, 'AAAA', Buffer.from(`${mine} 99999999999999999 `).toString('base64url')]) {
    const answer = await stage.call('GET', `/api/organizations/${mine}/audit-log?cursor=${cursor}`, { cookie: owner.cookie })
    expect(answer).toMatchObject({ status: 400, json: { code: 'invalid_request', errors: [{ parameter: 'cursor' }] } })
  }
})

test('an export has every entry as it was hashed, and can be taken in parts', async () => {
  const organizationId = await newLog()
  const read = (query = '') => stage.call('GET', `/api/organizations/${organizationId}/audit-log/export${query}`, { cookie: owner.cookie })
  const { headers, text } = await read()
  expect(headers.get('content-type')).toBe('application/x-ndjson; charset=utf-8')
  const entries = text
    .trimEnd()
    .split('\n')
    .map((line) => WrittenEntry.parse(JSON.parse(line)))
  expect(entries.map(({ seq }) => seq)).toEqual(['1', '2', '3', '4', '5', '6', '7'])
  expect(await Promise.all(entries.map(hashOfEntry))).toEqual(entries.map(({ hash }) => hash))
  expect((await read('?after=6')).text).toBe(`${JSON.stringify(entries[6])}\n`)
  expect((await read('?after=7')).text).toBe('')
})

test('a verification tells the head, and later whether it is still there', async () => {
  const organizationId = await newLog()
  const verify = async (query = '') => {
    const path = `/api/organizations/${organizationId}/audit-log/verification${query}`
    return AuditVerification.parse((await stage.call('GET', path, { cookie: owner.cookie })).json)
  }
  const { outcome, entries, head } = await verify()
  expect([outcome, entries, head?.seq]).toEqual(['whole', 7, 7])
  expect((await verify(`?headSeq=7&headHash=${head?.hash}`)).outcome).toBe('whole')
  expect(await verify(`?headSeq=8&headHash=${head?.hash}`)).toMatchObject({ outcome: 'broken', broken: { seq: 8, reason: 'cut_off' } })
  expect(await verify(`?headSeq=6&headHash=${head?.hash}`)).toMatchObject({ outcome: 'broken', broken: { seq: 6, reason: 'replaced' } })
  const half = `/api/organizations/${organizationId}/audit-log/verification?headSeq=6`
  expect((await stage.call('GET', half, { cookie: owner.cookie })).status).toBe(400)
})

test('people read their own changes, and nobody else does', async () => {
  const [ann, bob] = [await stage.person(), await stage.person()]
  await write({ userId: ann.userId }, { ...ada, id: ann.userId }, 'user.renamed', newId('usr'))
  const own = async ({ cookie }: TestPerson) => AuditPage.parse((await stage.call('GET', '/api/me/audit-log', { cookie })).json).data
  expect(await own(ann)).toMatchObject([{ seq: 1, action: 'user.renamed' }])
  expect(await own(bob)).toEqual([])
})
