import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import { Webhook as StandardWebhook } from 'standardwebhooks'
import { Webhook as SvixWebhook } from 'svix'
import { CustomerEvent } from '#shared/contracts/events/customer-event.ts'
import { assert } from '#shared/values/assert.ts'

export interface Received {
  id: string
  timestamp: string
  signatures: string[]
  body: string
  event: CustomerEvent
}

/** What a path answers; by itself it is 200. */
export type Answer = (response: ServerResponse, request: IncomingMessage) => void

export interface Receiver {
  origin: string
  /** What is wrong with what came, which no test allows. */
  faults: string[]
  /** Has a path take deliveries signed by all of these secrets, and nothing else. */
  expect(path: string, secrets: string[], answer?: Answer): void
  /** What a path has taken, the oldest first. */
  taken(path: string): Received[]
  stop(): void
}

/** A customer's server that believes nothing: it checks every delivery by the official libraries of Standard Webhooks and of Svix. */
export async function startReceiver(): Promise<Receiver> {
  const places = new Map<string, { secrets: string[]; answer: Answer; taken: Received[] }>()
  const faults: string[] = []
  const server = createServer(async (request, response) => {
    const place = places.get(request.url ?? '')
    const body = await readText(request)
    try {
      assert(place, `nothing is expected at ${request.url}`)
      place.taken.push(judge(request, body, place.secrets))
    } catch (error) {
      faults.push(String(error))
      response.writeHead(400).end()
      return
    }
    place.answer(response, request)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return {
    origin: originOf(server),
    faults,
    expect: (path, secrets, answer = (response) => response.end('thanks')) => {
      places.set(path, { secrets, answer, taken: places.get(path)?.taken ?? [] })
    },
    taken: (path) => places.get(path)?.taken ?? [],
    stop: () => {
      server.close()
      server.closeAllConnections()
    },
  }
}

function judge({ method, headers }: IncomingMessage, body: string, secrets: string[]): Received {
  assert(method === 'POST', 'a delivery is a POST')
  assert(headers['content-type'] === 'application/json', 'a delivery is JSON')
  assert(headers['user-agent']?.startsWith('Rocket-Relay-Webhooks/'), 'a delivery says who sends it')
  assert(!headers.authorization && !headers.cookie, 'a delivery carries nothing of ours')
  const [id, timestamp, signature] = ['webhook-id', 'webhook-timestamp', 'webhook-signature'].map((name) => String(headers[name]))
  assert(id && timestamp && signature, 'a delivery has three headers')
  const signatures = signature.split(' ')
  assert(signatures.length === secrets.length, `there are ${signatures.length} signatures by ${secrets.length} secrets`)
  const signed = { 'webhook-id': id, 'webhook-timestamp': timestamp, 'webhook-signature': signature }
  for (const secret of secrets) for (const Library of [StandardWebhook, SvixWebhook]) new Library(secret).verify(body, signed)
  const event = CustomerEvent.parse(JSON.parse(body))
  assert(event.id === id, 'the id in the headers is that of the event')
  return { id, timestamp, signatures, body, event }
}

async function readText(request: IncomingMessage): Promise<string> {
  const parts: Buffer[] = []
  for await (const part of request) parts.push(part)
  return Buffer.concat(parts).toString('utf8')
}

function originOf(server: Server): string {
  const address = server.address()
  assert(typeof address === 'object' && address !== null, 'a listening server has an address')
  return `http://127.0.0.1:${address.port}`
}
