import { execFile } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { compactVerify, createLocalJWKSet, type JSONWebKeySet } from 'jose'
import { expect, inject, test } from 'vitest'
import { z } from 'zod'
import { CreditAnswer } from '#shared/contracts/credit.ts'
import { checkoutDirectory, nodeBinary } from '#workers/dev/processes/environment.ts'
import { admin } from './customers.ts'
import { expectEventually } from './eventually.ts'
import { signedUp } from './people.ts'

const Requests = z.object({ data: z.array(z.object({ requestId: z.string(), costNanos: z.int() })) })
const Receipt = z.object({ requestId: z.string(), costNanos: z.int(), entries: z.array(z.object({ amountNanos: z.int() })) })
const Key = z.object({ apiKey: z.string() })

test('a receipt verifies offline with jose, and a month by the script that is served', async () => {
  const { apiUrl, proxyUrl } = inject('stack')
  const { browser } = await signedUp('ledger')
  const Created = z.object({ organizationId: z.string() })
  const { organizationId } = await browser.ask(Created, 'POST', '/api/organizations', { name: 'Receipts' })
  const root = `/api/organizations/${organizationId}`
  const credit = { amountNanos: 1_000_000_000, reason: 'a journey', idempotencyKey: organizationId }
  await admin().call('POST', `/customers/${organizationId}/credits`, CreditAnswer, credit)
  const { apiKey } = await browser.ask(Key, 'POST', `${root}/keys`, { name: 'First' })
  const body = JSON.stringify({ model: 'gpt-relay-fast', messages: [{ role: 'user', content: 'Say hello' }] })
  const headers = { authorization: `Bearer ${apiKey}`, 'content-type': 'application/json' }
  expect((await fetch(`${proxyUrl}/v1/chat/completions`, { method: 'POST', headers, body })).status).toBe(200)
  const requests = async () => (await browser.ask(Requests, 'GET', `${root}/requests`)).data
  await expectEventually(async () => (await requests()).length, 1, 20_000)
  const [request] = await requests()

  const receipt = await browser.call('GET', `${root}/requests/${request?.requestId}/receipt`)
  const keys = (await (await fetch(`${apiUrl}/api/jwks.json`)).json()) as JSONWebKeySet // As RFC 7517 has it; jose refuses what is none.
  const { payload } = await compactVerify(receipt.text, createLocalJWKSet(keys), { algorithms: ['EdDSA'] })
  const told = Receipt.parse(JSON.parse(new TextDecoder().decode(payload)))
  expect(told).toMatchObject({ ...request, entries: [{ amountNanos: -(request?.costNanos ?? 0) }] })

  const statement = await browser.call('GET', `${root}/statements/${new Date().toISOString().slice(0, 7)}`)
  const script = await (await fetch(`${apiUrl}/api/statements/verify-statement.mjs`)).text()
  expect(await verify(script, statement.text, keys)).toContain('1')
  await expect(verify(script, statement.text.replace(/"amountNanos":-?\d+/, '"amountNanos":1'), keys)).rejects.toThrow()
}, 60_000)

/** Runs the script as a customer would, beside the files that it needs; rejects when it ends with a failure. */
async function verify(script: string, statement: string, keys: JSONWebKeySet): Promise<string> {
  const directory = mkdtempSync(join(checkoutDirectory, '.local', 'statement-'))
  try {
    const files = { 'verify.mjs': script, 'statement.ndjson': statement, 'jwks.json': JSON.stringify(keys) }
    for (const [name, content] of Object.entries(files)) writeFileSync(join(directory, name), content)
    const { stdout } = await promisify(execFile)(nodeBinary, ['verify.mjs', 'statement.ndjson', 'jwks.json'], { cwd: directory })
    return stdout
  } finally {
    rmSync(directory, { recursive: true, force: true })
  }
}
