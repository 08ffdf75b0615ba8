import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { eq } from 'drizzle-orm'
import { insertSecret } from '#db/queries/insert-secret.ts'
import { platformSettings, secrets } from '#db/schema/index.ts'
import { type StripeSettings, stripeKeyPlace } from '#shared/contracts/stripe-settings.ts'
import { assert } from '#shared/values/assert.ts'
import { sealSecret } from '#workers/services/secrets/seal.ts'
import type { Stage } from '../../testing/stage.ts'

/** What befalls one request: it never arrives, its answer is lost, Stripe is down or has too many, or it is refused, or ends as the card's bank says. */
type Fate = 'unheard' | 'lost' | 'down' | 'rate_limited' | 'invalid' | 'declined' | 'authentication_required' | 'processing' | 'succeeded'

/** One request, with its form as it was sent, flat: `metadata[topUpId]`. */
export interface AskedOfStripe {
  method: string
  path: string
  form: Record<string, string>
  idempotencyKey: string | null
}

interface Intent {
  id: string
  object: 'payment_intent'
  created: number
  customer: string
  status: string
  amount: number
  metadata: Record<string, string>
  last_payment_error: { type: string; code: string; decline_code: string; message: string } | null
}

export interface ScriptedCheckout {
  url: string
  asked: AskedOfStripe[]
  /** Every payment that there is. */
  intents: Intent[]
  /** What befalls the next requests to a path, or with a card; those after them go well. */
  fates: Map<string, Fate[]>
  stop(): void
}

const secretKey = 'sk_test_scripted0123456789'

/** What may be sent where. Stripe refuses a parameter that it does not know. */
const parameters: Record<string, RegExp> = {
  '/v1/customers': /^(name|email|metadata\[organizationId\])$/,
  '/v1/checkout/sessions':
    /^(mode|customer|client_reference_id|metadata\[\w+\]|line_items\[0\]\[(quantity|price_data\]\[(currency|unit_amount|tax_behavior|product_data\]\[name))\]|payment_intent_data\[(metadata\]\[\w+|setup_future_usage)\]|setup_intent_data\[metadata\]\[\w+\]|allowed_payment_method_types\[0\]|invoice_creation\[(enabled|invoice_data\]\[metadata\]\[\w+)\]|automatic_tax\[enabled\]|tax_id_collection\[enabled\]|customer_update\[(address|name)\]|success_url|cancel_url|expires_at)$/,
  '/v1/payment_intents':
    /^(amount|currency|customer|payment_method|allowed_payment_method_types\[0\]|off_session|confirm|description|metadata\[\w+\]|created\[gte\]|limit)$/,
  '/v1/billing_portal/sessions': /^(customer|return_url)$/,
}

/** Plays what of Stripe a top-up needs, with its idempotency keys, and keeps what it was asked. */
export async function startScriptedCheckout(): Promise<ScriptedCheckout> {
  const stripe: Omit<ScriptedCheckout, 'url' | 'stop'> = { asked: [], intents: [], fates: new Map() }
  const saved = new Map<string, { sent: string; answer: Answered }>()
  const server = createServer(async (request, response) => {
    const asked = await readAsked(request)
    stripe.asked.push(asked)
    if (request.headers.authorization !== `Bearer ${secretKey}`) return send(response, refusal(401, 'invalid_request_error', 'no_key'))
    const fate = stripe.fates.get(asked.form.payment_method ?? asked.path)?.shift() ?? 'succeeded'
    if (fate === 'unheard') return void request.socket.destroy()
    if (fate === 'down') return send(response, refusal(500, 'api_error', 'down'))
    if (fate === 'rate_limited') return send(response, refusal(429, 'invalid_request_error', 'rate_limit'))
    const sent = JSON.stringify([asked.path, asked.form])
    const earlier = asked.idempotencyKey === null ? undefined : saved.get(asked.idempotencyKey)
    if (earlier && earlier.sent !== sent) return send(response, refusal(400, 'idempotency_error', 'idempotency_key_reused'))
    const answer = earlier?.answer ?? answerOf(stripe, asked, fate)
    if (asked.idempotencyKey !== null) saved.set(asked.idempotencyKey, { sent, answer })
    if (fate === 'lost') return void request.socket.destroy()
    send(response, answer)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const address = server.address()
  assert(typeof address === 'object' && address !== null, 'a listening server has an address')
  const stop = () => {
    server.close()
    server.closeAllConnections()
  }
  return { ...stripe, url: `http://127.0.0.1:${address.port}`, stop }
}

interface Answered {
  status: number
  body: unknown
}

async function readAsked(request: IncomingMessage): Promise<AskedOfStripe> {
  const chunks: Buffer[] = []
  for await (const chunk of request) chunks.push(chunk)
  const { pathname: path, searchParams } = new URL(request.url ?? '', 'http://stripe')
  const form = Object.fromEntries([...searchParams, ...new URLSearchParams(Buffer.concat(chunks).toString())])
  const key = request.headers['idempotency-key']
  return { method: request.method ?? '', path, form, idempotencyKey: typeof key === 'string' ? key : null }
}

function send(response: ServerResponse, { status, body }: Answered): void {
  response.writeHead(status, { 'content-type': 'application/json', 'request-id': 'req_scripted' }).end(JSON.stringify(body))
}

function refusal(status: number, type: string, code: string, more: object = {}): Answered {
  return { status, body: { error: { type, code, message: 'words of Stripe with hush-hush in them', ...more } } }
}

function answerOf(stripe: Pick<ScriptedCheckout, 'intents'>, asked: AskedOfStripe, fate: Fate): Answered {
  const { method, path, form } = asked
  const unknown = Object.keys(form).find((name) => parameters[path] && !parameters[path].test(name))
  if (fate === 'invalid' || unknown !== undefined) return refusal(400, 'invalid_request_error', 'parameter_unknown')
  const id = crypto.randomUUID().slice(0, 8)
  if (path === '/v1/customers') return { status: 200, body: { id: `cus_${id}`, object: 'customer' } }
  if (path === '/v1/checkout/sessions') return { status: 200, body: { id: `cs_${id}`, url: `https://stripe.test/pay/cs_${id}` } }
  if (path === '/v1/billing_portal/sessions') return { status: 200, body: { url: `https://stripe.test/portal/${form.customer}` } }
  if (path.endsWith('/detach')) return { status: 200, body: { id: path.split('/')[3], object: 'payment_method', customer: null } }
  if (path === '/v1/payment_intents' && method === 'POST') return charge(stripe.intents, form, fate)
  if (path === '/v1/payment_intents') {
    const data = stripe.intents.filter(({ customer, created }) => customer === form.customer && created >= Number(form['created[gte]']))
    return { status: 200, body: { object: 'list', data, has_more: false, url: path } }
  }
  const intent = stripe.intents.find((each) => path === `/v1/payment_intents/${each.id}`)
  return intent ? { status: 200, body: intent } : refusal(404, 'invalid_request_error', 'resource_missing')
}

function charge(intents: Intent[], form: Record<string, string>, fate: Fate): Answered {
  const isDeclined = fate === 'declined' || fate === 'authentication_required'
  const code = fate === 'authentication_required' ? fate : 'card_declined'
  const intent: Intent = {
    id: `pi_${intents.length + 1}`,
    object: 'payment_intent',
    created: Math.floor(Date.now() / 1_000),
    customer: form.customer ?? '',
    status: isDeclined ? 'requires_payment_method' : fate === 'processing' ? fate : 'succeeded',
    amount: Number(form.amount),
    metadata: { topUpId: form['metadata[topUpId]'] ?? '', organizationId: form['metadata[organizationId]'] ?? '' },
    last_payment_error: isDeclined ? { type: 'card_error', code, decline_code: code, message: 'no' } : null,
  }
  intents.push(intent)
  return isDeclined ? refusal(402, 'card_error', code, { decline_code: code, payment_intent: intent }) : { status: 200, body: intent }
}

/** Settings of the platform as an operator would have made them. */
export async function setUpStripe({ db, surroundings }: Stage, settings: Partial<StripeSettings> = {}): Promise<void> {
  const bounds = { minTopUpNanos: 5_000_000_000, maxTopUpNanos: 1_000_000_000_000 }
  const value = { ...bounds, automaticTax: false, collectTaxIds: false, livemode: false, ...settings }
  await db
    .insert(platformSettings)
    .values({ name: 'stripe', value, version: 1 })
    .onConflictDoUpdate({ target: platformSettings.name, set: { value } })
  if ((await db.$count(secrets, eq(secrets.ownerTable, stripeKeyPlace.table))) === 0)
    await db.execute(insertSecret(stripeKeyPlace, await sealSecret(surroundings.keyRing(), stripeKeyPlace, secretKey)))
}
