import { createServer } from 'node:http'
import { listenAnywhere } from '#workers/dev/testing/throwaway.ts'

/** An object of Stripe's as a test makes it; what is asked to be expanded is an object in it from the beginning. */
export interface StripeObject {
  id: string
  created: number
  [field: string]: unknown
}

/** Stripe's API as far as payments are settled from it: it says of every object what a test put there last. */
export interface ScriptedStripe {
  url: string
  /** By the path of their kind, such as `refunds`. */
  objects: Record<string, Map<string, StripeObject>>
  /** Every request, such as `GET /v1/refunds/re_1`. */
  asked: string[]
  /** Answers 500 to everything. */
  isAway: boolean
  put(kind: string, object: StripeObject): void
  stop(): void
}

export async function scriptStripe(): Promise<ScriptedStripe> {
  const stripe: ScriptedStripe = {
    url: '',
    objects: {},
    asked: [],
    isAway: false,
    put: (kind, object) => {
      stripe.objects[kind] ??= new Map()
      stripe.objects[kind].set(object.id, structuredClone(object))
    },
    stop: () => server.close().closeAllConnections(),
  }
  const server = createServer((request, response) => {
    const url = new URL(request.url ?? '/', 'http://stripe.test')
    stripe.asked.push(`${request.method} ${url.pathname}`)
    const answer = stripe.isAway ? null : answerOf(stripe, url)
    response.statusCode = stripe.isAway ? 500 : answer ? 200 : 404
    response.setHeader('content-type', 'application/json')
    response.end(
      JSON.stringify(answer ?? { error: { type: 'invalid_request_error', code: 'resource_missing', message: 'No such object' } }),
    )
  })
  stripe.url = await listenAnywhere(server)
  return stripe
}

/** Stripe's own pages hold up to a hundred; small ones show that all are read. */
const perPage = 7

function answerOf({ objects }: ScriptedStripe, { pathname, searchParams }: URL): object | null {
  const path = pathname.replace('/v1/', '')
  const listed = objects[path]
  if (!listed) {
    const [, kind = '', id = ''] = /^(.+)\/([^/]+)$/.exec(path) ?? []
    return objects[kind]?.get(id) ?? (lists.includes(path) ? { object: 'list', data: [], has_more: false } : null)
  }
  const since = Number(searchParams.get('created[gte]') ?? 0)
  const all = [...listed.values()]
    .filter((each) => each.created >= since && isOf(each, 'payment_intent', searchParams) && isOf(each, 'charge', searchParams))
    .sort((one, other) => other.created - one.created)
  const after = searchParams.get('starting_after')
  const rest = all.slice(after === null ? 0 : all.findIndex(({ id }) => id === after) + 1)
  return { object: 'list', data: rest.slice(0, perPage), has_more: rest.length > perPage }
}

const lists = ['checkout/sessions', 'payment_intents', 'refunds', 'disputes']

function isOf(object: StripeObject, field: string, wanted: URLSearchParams): boolean {
  const id = wanted.get(field)
  const found = object[field]
  return id === null || found === id || (typeof found === 'object' && found !== null && 'id' in found && found.id === id)
}
