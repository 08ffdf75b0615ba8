import type { IncomingHttpHeaders } from 'node:http'
import Stripe from 'stripe'
import { z } from 'zod'
import { balanceRoutes } from './balance.ts'
import { chargeRoutes } from './charges.ts'
import { checkoutSessionRoutes } from './checkout-sessions.ts'
import { customerRoutes } from './customers.ts'
import { disputeRoutes } from './disputes.ts'
import { eventRoutes } from './events.ts'
import { expand } from './expand.ts'
import { IdempotentAnswers } from './idempotency.ts'
import { invoiceRoutes } from './invoices.ts'
import { decodeForm, listOf, readParameters, Text } from './parameters.ts'
import { paymentIntentRoutes } from './payment-intents.ts'
import { paymentMethodRoutes } from './payment-methods.ts'
import type { Peer } from './peer.ts'
import { portalSessionRoutes } from './portal-sessions.ts'
import { refundRoutes } from './refunds.ts'
import { invalidRequest, LostAnswer, StripeRefusal } from './refusal.ts'
import { matchPath, type Route } from './route.ts'
import { setupIntentRoutes } from './setup-intents.ts'
import { newId } from './store.ts'

export interface ApiRequest {
  method: string
  url: URL
  headers: IncomingHttpHeaders
  body: string
}

/** `lost`: nothing of the answer reaches the caller. */
export interface ApiAnswer {
  status: number
  body: object
  headers: Record<string, string>
  lost?: 'hang' | 'cut'
}

const routes: Route[] = [
  ...balanceRoutes,
  ...chargeRoutes,
  ...checkoutSessionRoutes,
  ...customerRoutes,
  ...disputeRoutes,
  ...eventRoutes,
  ...invoiceRoutes,
  ...paymentIntentRoutes,
  ...paymentMethodRoutes,
  ...portalSessionRoutes,
  ...refundRoutes,
  ...setupIntentRoutes,
]

const Expand = z.object({ expand: listOf(Text).optional() })

/** Stripe's API below `/v1/`: authenticates, reads the form, answers a repeated key with what it answered before. */
export class Api {
  readonly #peer: Peer
  readonly #answers = new IdempotentAnswers()

  constructor(peer: Peer) {
    this.#peer = peer
  }

  async answer(request: ApiRequest): Promise<ApiAnswer> {
    const headers: Record<string, string> = {
      'request-id': newId('req'),
      'stripe-version': String(request.headers['stripe-version'] ?? Stripe.API_VERSION),
    }
    try {
      const answer = await this.#serve(request, headers['request-id'] ?? '')
      return { ...answer, headers: { ...headers, ...answer.headers } }
    } catch (error) {
      if (!(error instanceof StripeRefusal)) throw error
      return { status: error.status, body: error.body, headers }
    }
  }

  async #serve(request: ApiRequest, requestId: string): Promise<ApiAnswer> {
    const { method, url, headers } = request
    authenticate(this.#peer.secretKey, headers.authorization)
    requireVersion(headers['stripe-version'])
    const text = readForm(request)
    const { expand: paths, ...form } = decodeForm(text)
    const { route, ids } = findRoute(method, url)
    const key = method === 'POST' ? headers['idempotency-key'] : undefined
    const cause = { id: requestId, idempotency_key: typeof key === 'string' ? key : null }
    const work = () => {
      const { expand: wanted = [] } = readParameters(Expand, paths === undefined ? {} : { expand: paths })
      const run = route.prepare(form)
      return async () => expand(await run(this.#peer, { ids, cause }), wanted, this.#peer.store)
    }
    if (cause.idempotency_key === null) return settle(work())
    const asked = { key: cause.idempotency_key, path: url.pathname, parameters: sorted(text), requestId }
    return this.#answers.answer(asked, () => {
      const run = work()
      return () => settle(run)
    })
  }
}

/** What an operation that has begun comes to; a refusal is an answer like any other. */
async function settle(run: () => Promise<object>): Promise<ApiAnswer> {
  try {
    return { status: 200, body: structuredClone(await run()), headers: {} }
  } catch (error) {
    if (error instanceof StripeRefusal) return { status: error.status, body: error.body, headers: {} }
    if (!(error instanceof LostAnswer)) throw error
    if (error.way !== 'answer_500') return { status: 200, body: structuredClone(error.object), headers: {}, lost: error.way }
    return { status: 500, body: new StripeRefusal(500, 'api_error', 'An unknown error occurred.').body, headers: {} }
  }
}

function authenticate(secretKey: string, authorization: string | undefined): void {
  const given = /^Bearer (.+)$/.exec(authorization ?? '')?.[1]
  if (given === undefined) {
    throw new StripeRefusal(
      401,
      'invalid_request_error',
      'You did not provide an API key: send it as `Authorization: Bearer YOUR_SECRET_KEY`.',
    )
  }
  if (given === secretKey) return
  throw new StripeRefusal(401, 'invalid_request_error', `Invalid API Key provided: ${given.slice(0, 8)}****${given.slice(-4)}`)
}

function requireVersion(version: string | string[] | undefined): void {
  if (version === undefined || /^\d{4}-\d{2}-\d{2}(\.[a-z]+)?$/.test(String(version))) return
  throw invalidRequest(`Invalid Stripe API version: ${String(version)}`)
}

/** The parameters, still as a form. */
function readForm({ method, url, headers, body }: ApiRequest): string {
  const type = headers['content-type']?.split(';', 1)[0]?.trim().toLowerCase()
  if (body !== '' && (method !== 'POST' || type !== 'application/x-www-form-urlencoded')) {
    throw invalidRequest('Invalid request (check that your POST content type is application/x-www-form-urlencoded).')
  }
  return [url.search.slice(1), body].filter((part) => part !== '').join('&')
}

function sorted(form: string): string {
  const parameters = new URLSearchParams(form)
  parameters.sort()
  return parameters.toString()
}

function findRoute(method: string, { pathname }: URL): { route: Route; ids: string[] } {
  for (const route of routes) {
    const ids = route.method === method ? matchPath(route.path, pathname) : null
    if (ids) return { route, ids }
  }
  const message = `Unrecognized request URL (${method}: ${pathname}).`
  throw new StripeRefusal(404, 'invalid_request_error', message)
}
