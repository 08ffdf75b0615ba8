import { randomUUID } from 'node:crypto'
import OpenAI from 'openai'
import { expect, inject, test } from 'vitest'
import { z } from 'zod'
import { CreditAnswer } from '#shared/contracts/credit.ts'
import { admin } from './customers.ts'
import { expectEventually } from './eventually.ts'
import { type Browser, linkSecret, signedUp } from './people.ts'

const Created = z.object({ organizationId: z.string() })
const Key = z.object({ keyId: z.string(), apiKey: z.string() })

test('a customer signs up, invites, makes a key, calls a model, sees it and revokes the key: refused on the very next call', async () => {
  const [ada, bob] = [await signedUp('ada'), await signedUp('bob')]
  const { organizationId } = await ada.browser.ask(Created, 'POST', '/api/organizations', { name: 'Engines' })
  const root = `/api/organizations/${organizationId}`
  await ada.browser.ask(z.object({}), 'POST', `${root}/invitations`, { email: bob.email, role: 'developer' })
  const token = await linkSecret(bob.email, '/invitations')
  await bob.browser.ask(z.object({}), 'POST', '/api/invitations/accept', { token })
  await admin().call('POST', `/customers/${organizationId}/credits`, CreditAnswer, {
    amountNanos: 1_000_000_000,
    reason: 'a journey',
    idempotencyKey: randomUUID(),
  })
  const key = await bob.browser.ask(Key, 'POST', `${root}/keys`, { name: 'First' })
  const client = new OpenAI({ apiKey: key.apiKey, baseURL: `${inject('stack').proxyUrl}/v1`, maxRetries: 0 })
  const ask = () => client.chat.completions.create({ model: 'gpt-relay-fast', messages: [{ role: 'user', content: 'Say hello' }] })
  expect((await ask()).choices[0]?.message.content).toBeTruthy()

  await expectEventually(async () => requestsOf(ada.browser, root), 1, 20_000)
  const log = await ada.browser.call('GET', `${root}/requests`)
  expect(log.json).toMatchObject({ data: [{ keyId: key.keyId, model: 'gpt-relay-fast', status: 200 }] })

  expect((await bob.browser.call('DELETE', `${root}/keys/${key.keyId}`)).status).toBeLessThan(300)
  await expect(ask()).rejects.toMatchObject({ status: 401 })

  const audit = await ada.browser.call('GET', `${root}/audit-log`)
  expect(JSON.stringify(audit.json)).toContain('key.revoked')
}, 90_000)

async function requestsOf(browser: Browser, root: string): Promise<number> {
  const today = new Date().toISOString().slice(0, 10)
  const answer = await browser.call('GET', `${root}/usage?from=${today}&granularity=total`)
  return z.object({ totals: z.object({ requests: z.int() }) }).parse(answer.json).totals.requests
}
