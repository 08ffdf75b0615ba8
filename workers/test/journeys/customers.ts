import Anthropic, { type ClientOptions as AnthropicOptions } from '@anthropic-ai/sdk'
import { GoogleGenAI } from '@google/genai'
import OpenAI, { type ClientOptions } from 'openai'
import { inject } from 'vitest'
import type { Limits } from '#shared/contracts/account.ts'
import { ChangeAnswer, CreatedCustomer, CustomerDetail } from '#shared/contracts/customer.ts'
import { type AdminClient, openAdminClient } from '#workers/dev/relay/admin-client.ts'
import { type ChatOptions, chatBody, streamBody } from './conversation.ts'

export interface CustomerOptions {
  creditNanos?: number
  overdraftNanos?: number
  limits?: Limits
}

/** Five dollars: more than any journey spends. */
const usualCreditNanos = 5_000_000_000

/** A customer of its own for one test, made as an operator makes it. */
export async function newCustomer({ creditNanos = usualCreditNanos, ...options }: CustomerOptions = {}): Promise<Customer> {
  const createdAtMs = Date.now()
  const created = await admin().call('POST', '/customers', CreatedCustomer, { creditNanos, ...options })
  return new Customer(created, createdAtMs)
}

/** The operator's API, through the front that stands in for Cloudflare Access. */
export function admin(): AdminClient {
  const { adminUrl, access } = inject('stack')
  return openAdminClient({ adminUrl, clientId: access.clientId, clientSecret: access.clientSecret })
}

export class Customer {
  readonly organizationId: string
  readonly keyId: string
  readonly apiKey: string
  readonly createdAtMs: number
  /** Ids of all answers this customer got, in their order. */
  readonly requestIds: string[] = []

  constructor({ organizationId, keyId, apiKey }: CreatedCustomer, createdAtMs: number) {
    this.organizationId = organizationId
    this.keyId = keyId
    this.apiKey = apiKey
    this.createdAtMs = createdAtMs
  }

  /** The official client. Without retries unless told, so that a test sees each answer. */
  openai(options: ClientOptions = {}): OpenAI {
    const baseURL = `${inject('stack').proxyUrl}/v1`
    return new OpenAI({ apiKey: this.apiKey, baseURL, maxRetries: 0, fetch: (url, init) => this.fetch(url, init), ...options })
  }

  /** Anthropic's official client. It adds `/v1` itself. */
  anthropic(options: AnthropicOptions = {}): Anthropic {
    const baseURL = inject('stack').proxyUrl
    return new Anthropic({ apiKey: this.apiKey, baseURL, maxRetries: 0, fetch: (url, init) => this.fetch(url, init), ...options })
  }

  /** Google's official client, which fetches by itself: the ids of its answers are not known here. */
  google(): GoogleGenAI {
    return new GoogleGenAI({ apiKey: this.apiKey, httpOptions: { baseUrl: inject('stack').proxyUrl } })
  }

  /** One chat completion without a client in between. */
  chat(behaviour: string, options: ChatOptions = {}): Promise<Response> {
    return this.post(chatBody(behaviour, options))
  }

  chatStream(behaviour: string, options: ChatOptions = {}): Promise<Response> {
    return this.post(streamBody(behaviour, options))
  }

  post(body: object, init: RequestInit = {}): Promise<Response> {
    return this.send('/v1/chat/completions', { method: 'POST', body: JSON.stringify(body), ...init })
  }

  /** One request with this customer's key, and what `init` says instead. */
  send(path: string, { headers, ...init }: RequestInit = {}): Promise<Response> {
    const usual = { authorization: `Bearer ${this.apiKey}`, 'content-type': 'application/json' }
    return this.fetch(inject('stack').proxyUrl + path, { ...init, headers: { ...usual, ...headers } })
  }

  /** Fetches and remembers the id of the answer. */
  async fetch(...given: Parameters<typeof fetch>): Promise<Response> {
    const response = await fetch(...given)
    const requestId = response.headers.get('x-relay-request-id')
    if (requestId !== null) this.requestIds.push(requestId)
    return response
  }

  detail(): Promise<CustomerDetail> {
    return admin().call('GET', `/customers/${this.organizationId}`, CustomerDetail)
  }

  async setLimits(limits: Limits): Promise<void> {
    await admin().call('PUT', `/customers/${this.organizationId}/limits`, ChangeAnswer, { limits })
  }
}
