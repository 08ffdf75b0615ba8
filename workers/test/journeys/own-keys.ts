import { createHash, randomBytes } from 'node:crypto'
import { join } from 'node:path'
import { expect, inject } from 'vitest'
import { z } from 'zod'
import { AddedProviderCredential, CredentialChangeAnswer, FallbackAnswer } from '#shared/contracts/provider-credential.ts'
import { runRelay } from '#workers/dev/relay/run.ts'
import type { Customer } from './customers.ts'
import { type Truth, truthOf } from './truth.ts'

/** A key that one customer has at a provider; every scripted provider takes it until it is told otherwise. */
export function newOwnKey(): string {
  return `sk-own-${randomBytes(16).toString('hex')}`
}

/** Tells the scripted providers how to take a key from now on. */
export async function registerKey(key: string, state: 'active' | 'revoked' | 'rate_limited', provider?: string): Promise<void> {
  const body = JSON.stringify({ state, ...(provider && { provider }) })
  const answer = await fetch(`${inject('stack').upstreamUrl}/_truth/keys/${key}`, { method: 'PUT', body })
  expect(answer.status).toBe(204)
}

/** Runs the operator's command in this process. */
export async function operate(parameters: string[], input = ''): Promise<{ code: number; out: string; err: string }> {
  const [out, err]: [string[], string[]] = [[], []]
  const code = await runRelay(parameters, {
    env: { RELAY_STACK: join(inject('stack').directory, 'stack.json') },
    print: (text) => void out.push(text),
    complain: (text) => void err.push(text),
    readInput: async () => input,
  })
  return { code, out: out.join(''), err: err.join('') }
}

/** What the operator's command prints as JSON when it does what it is told. */
export async function operated<Answer extends z.ZodType>(answer: Answer, parameters: string[], input = ''): Promise<z.output<Answer>> {
  const { code, out, err } = await operate([...parameters, '--json'], input)
  expect(code, err).toBe(0)
  return answer.parse(JSON.parse(out))
}

/** Stores a key of a customer's own, after its provider was asked, and answers the credential's id. `choices` are the command's. */
export async function bring(customer: Customer, key: string, ...choices: string[]): Promise<string> {
  const { credentialId } = await operated(AddedProviderCredential, addition(customer, ...choices), key)
  return credentialId
}

/** The command that stores a key it reads; the provider is OpenAI unless chosen. */
export function addition({ organizationId }: Customer, ...choices: string[]): string[] {
  const provider = choices.includes('--provider') ? [] : ['--provider', 'openai']
  return ['byok', 'add', '--organization', organizationId, '--key', '-', ...provider, ...choices]
}

export async function replaceKey({ organizationId }: Customer, credentialId: string, key: string): Promise<void> {
  await operated(CredentialChangeAnswer, ['byok', 'replace', credentialId, '--organization', organizationId, '--key', '-'], key)
}

export async function removeKey({ organizationId }: Customer, credentialId: string): Promise<void> {
  await operated(CredentialChangeAnswer, ['byok', 'remove', credentialId, '--organization', organizationId])
}

export async function letCreditPay({ organizationId }: Customer): Promise<void> {
  await operated(FallbackAnswer, ['byok', 'fallback', 'on', '--organization', organizationId])
}

/** Whose keys the upstream was asked with for one request, in their order: a key of a customer's by its hash. */
export async function keysAsked({ headers }: Response): Promise<string[]> {
  const requestId = headers.get('x-relay-request-id')
  expect(requestId).not.toBeNull()
  const records = await truthOf({ relayRequestId: requestId ?? '' })
  expect(records.flatMap(({ leaks }) => leaks)).toEqual([])
  return records.map(({ keyOwner, keyHash }) => (keyOwner === 'platform' ? 'platform' : (keyHash ?? 'none')))
}

/** What the relay asked the upstream with a key, less the questions whether it works. */
export async function askedWith(key: string): Promise<Truth[]> {
  return (await truthOf({ keyHash: hashOf(key) })).filter(({ relayRequestId }) => relayRequestId !== null)
}

export function hashOf(key: string): string {
  return createHash('sha256').update(key).digest('hex')
}

const Refusal = z.object({ error: z.object({ code: z.string() }) })

/** A refusal in OpenAI's words, by its status and code. */
export async function refusalOf(response: Response): Promise<[number, string]> {
  return [response.status, Refusal.parse(await response.json()).error.code]
}
