import { afterAll, beforeAll, expect, test } from 'vitest'
import { AuditPage, AuditVerification, WrittenPage } from '#shared/contracts/api/audit.ts'
import { CreatedCustomer } from '#shared/contracts/customer.ts'
import { type Stage, setStage } from './testing/stage.ts'

let stage: Stage
beforeAll(async () => {
  stage = await setStage()
})
afterAll(() => stage?.stop())

test("an operator reads, verifies and takes along the log of a customer, which the operator's own changes are in", async () => {
  const { organizationId } = CreatedCustomer.parse((await stage.call('POST', '/customers', { name: 'Ada' })).json)
  await stage.call('PUT', `/customers/${organizationId}/status`, { status: 'suspended' })
  const { data } = AuditPage.parse((await stage.call('GET', `/audit/${organizationId}?limit=1`)).json)
  expect(data).toMatchObject([{ actor: { type: 'operator', id: 'operator.access' }, target: { id: organizationId } }])
  const verified = AuditVerification.parse((await stage.call('GET', `/audit/${organizationId}/verification`)).json)
  expect(verified).toMatchObject({ outcome: 'whole', head: { seq: data[0]?.seq, hash: data[0]?.hash } })
  const path = `/audit/${organizationId}/entries?after=${verified.entries - 1}`
  const { entries, next } = WrittenPage.parse((await stage.call('GET', path)).json)
  expect([entries.map(({ hash }) => hash), next]).toEqual([[data[0]?.hash], null])
})

test('the platform has a log of its own, and what is no chain is not found', async () => {
  expect((await stage.call('GET', '/audit/platform/verification')).status).toBe(200)
  for (const chain of ['key_a', 'PLATFORM', 'org_', '%00']) expect((await stage.call('GET', `/audit/${chain}`)).status).toBe(404)
})
