import { afterAll, beforeAll, expect, inject, test } from 'vitest'
import { SecretRotation } from '#shared/contracts/secret-rotation.ts'
import { controlKms } from '#workers/dev/kms/control-client.ts'
import { kmsKeys } from '#workers/dev/kms/well-known.ts'
import { modelOf } from './catalogue.ts'
import { messageBody, promptOf } from './conversation.ts'
import { type Customer, newCustomer } from './customers.ts'
import { expectNothingUnsettled } from './invariants.ts'
import { reconfigure, wrapsByKms, wrapsByLocal } from './key-encryption.ts'
import { expectNothingKept } from './nothing-kept.ts'
import { addition, askedWith, bring, newOwnKey, operate, operated, registerKey, removeKey, replaceKey } from './own-keys.ts'

const kms = controlKms(inject('stack').kmsUrl)

beforeAll(() => reconfigure('admin', wrapsByKms(kmsKeys.first.arn)))
afterAll(() => reconfigure('admin', wrapsByLocal('local1')))

/** Less than a whole key: nobody is shown more than its end. */
function markOf(key: string): string {
  return key.slice(7, -6)
}

/** What goes well, what fails in each way in which a provider speaks of the key, and what breaks. */
const behaviours = [
  'fast',
  'error-401',
  'error-400',
  'error-500',
  'error-first',
  'error-mid',
  'html',
  'redirect',
  'break-1',
  'json-error-200',
]

test('no key of a customer at a provider is anywhere but there, whatever was done with it', async () => {
  await kms.clearCalls()
  const customer = await newCustomer({ creditNanos: 1_000_000_000 })
  const [wrong, replaced, latest, other] = [newOwnKey(), newOwnKey(), newOwnKey(), newOwnKey()]
  await registerKey(wrong, 'revoked')
  expect((await operate(addition(customer), wrong)).code).toBe(1)
  const ids = await bringEverywhere(customer, wrong, replaced)
  await askEverything(customer)
  await operated(SecretRotation, ['secret', 'rotate'])
  for (const credentialId of ids) await replaceKey(customer, credentialId, latest)
  await askEverything(customer)
  // From KMS to a local key: each is sealed anew.
  await reconfigure('admin', wrapsByLocal('local2'))
  await operated(SecretRotation, ['secret', 'rotate'])
  for (const credentialId of ids) await operate(['byok', 'test', credentialId, '--organization', customer.organizationId])
  await askEverything(customer)
  await replaceKey(customer, ids[0] ?? '', other)
  for (const credentialId of ids) await removeKey(customer, credentialId)
  await expectNothingUnsettled()
  for (const key of [replaced, latest]) expect((await askedWith(key)).length).toBeGreaterThan(behaviours.length)
  const marks = [wrong, replaced, latest, other].map(markOf)
  await expectNothingKept(marks)
  const calls = JSON.stringify(await kms.calls())
  expect(calls).toContain(customer.organizationId)
  expect(marks.filter((mark) => calls.includes(mark))).toEqual([])
}, 180_000)

/** At each provider and at one of the customer's own choice: first a key that is refused, then one that works. */
async function bringEverywhere(customer: Customer, wrong: string, right: string): Promise<string[]> {
  const elsewhere = [
    '--base-url',
    `${inject('stack').upstreamUrl}/compatible/v1`,
    '--models',
    behaviours.map((name) => `scripted-${name}`).join(','),
  ]
  const places = [...['openai', 'anthropic', 'gemini'].map((name) => [name]), ['openai-compatible', ...elsewhere]]
  const ids: string[] = []
  for (const place of places) {
    await bring(customer, wrong, '--provider', ...place, '--skip-validation')
    ids.push(await bring(customer, right, '--provider', ...place, '--priority', '1'))
  }
  return ids
}

/** Whole and streamed, in the words of each provider. Broken answers are read as far as they go. */
async function askEverything(customer: Customer): Promise<void> {
  for (const behaviour of behaviours) {
    const contents = JSON.stringify({ contents: [{ parts: [{ text: promptOf() }] }] })
    const gemini = `/v1beta/models/${modelOf(behaviour, 'gemini')}`
    const post = (path: string, body: string) => customer.send(path, { method: 'POST', body })
    const answers = [
      customer.chat(behaviour),
      customer.chatStream(behaviour),
      customer.chat('', { model: `scripted-${behaviour}` }),
      customer.chatStream('', { model: `scripted-${behaviour}` }),
      post('/v1/messages', JSON.stringify(messageBody(behaviour))),
      post('/v1/messages', JSON.stringify({ ...messageBody(behaviour), stream: true })),
      post(`${gemini}:generateContent`, contents),
      post(`${gemini}:streamGenerateContent?alt=sse`, contents),
    ]
    for (const answer of await Promise.all(answers)) await answer.text().catch(() => '')
  }
}
