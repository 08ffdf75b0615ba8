import { createServer, type Server } from 'node:http'
import Stripe from 'stripe'
import { findFreePorts, localHost } from '../ports.ts'
import { listenAnywhere } from '../testing/throwaway.ts'
import { controlStripe, type StripeControl } from './control-client.ts'
import { startStripe } from './stand-in.ts'

/** A stand-in with an application that uses it: the official client, and the endpoint that takes its events. */
export interface TestStripe {
  url: string
  secretKey: string
  stripe: Stripe
  control: StripeControl
  /** Verified events, in the order they came. */
  received: Stripe.Event[]
  /** The events of these types about an object, once all of them have come. */
  arrived(objectId: string, ...types: string[]): Promise<Stripe.Event[]>
  /** How the endpoint answers the next events; 200 when nothing is left. */
  answers: number[]
  end(): Promise<void>
}

/** Stripe on a free port with keys of its own; the caller ends it. */
export async function startTestStripe(): Promise<TestStripe> {
  const [port = 0] = await findFreePorts(1)
  const [secretKey, secret] = ['sk_test_0123456789abcdef', 'whsec_0123456789abcdefghij']
  const url = `http://${localHost}:${port}`
  const httpClient = Stripe.createFetchHttpClient() // The other one tries a cut connection again by itself.
  const stripe = new Stripe(secretKey, { host: localHost, port, protocol: 'http', httpClient, maxNetworkRetries: 0, telemetry: false })
  const received: Stripe.Event[] = []
  const answers: number[] = []
  let next = Promise.withResolvers<void>()
  const endpoint = receiver((body, signature) => {
    const event = stripe.webhooks.constructEvent(body, signature, secret)
    const status = answers.shift() ?? 200
    if (status === 200) received.push(event)
    next.resolve()
    next = Promise.withResolvers<void>()
    return status
  })
  const target = { url: await listenAnywhere(endpoint), secret, retryWaitsMs: [5, 10, 20] }
  const standIn = await startStripe({ port, secretKey, webhook: target })
  const arrived = async (objectId: string, ...types: string[]) => {
    for (;;) {
      const found = received.filter((event) => types.includes(event.type) && idOf(event) === objectId)
      if (types.every((type) => found.some((event) => event.type === type))) return found
      await next.promise
    }
  }
  const end = async () => {
    await standIn.end()
    endpoint.close()
    endpoint.closeAllConnections()
  }
  return { url, secretKey, stripe, control: controlStripe(url), received, arrived, answers, end }
}

function receiver(take: (body: string, signature: string) => number): Server {
  return createServer(async (request, response) => {
    const chunks: Buffer[] = []
    for await (const chunk of request) chunks.push(chunk)
    response.writeHead(take(Buffer.concat(chunks).toString(), String(request.headers['stripe-signature']))).end()
  })
}

function idOf({ data: { object } }: Stripe.Event): string | undefined {
  return 'id' in object ? object.id : undefined
}

/** What a browser sends when a person pays at the page, and where it is led. */
export async function payAtPage(page: string | null, card = 'pm_card_visa'): Promise<{ status: number; location: string | null }> {
  const body = new URLSearchParams({ payment_method: card, email: 'payer@example.com' })
  const { status, headers } = await fetch(`${page}/complete`, { method: 'POST', body, redirect: 'manual' })
  return { status, location: headers.get('location') }
}
