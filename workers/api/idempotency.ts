import type { Context } from 'hono'
import type { Transact } from '#db/client.ts'
import { claimIdempotencyKey, type KeyedRequest } from '#db/queries/idempotency/claim-key.ts'
import { keepKeyedAnswer, releaseIdempotencyKey } from '#db/queries/idempotency/finish-key.ts'
import { type KeyedAnswer, readIdempotencyKey } from '#db/queries/idempotency/read-key.ts'
import type { ApiOperation } from '#shared/contracts/api/operation.ts'
import { assert } from '#shared/values/assert.ts'
import { sha256Hex } from '#shared/values/sha256.ts'
import { logFailure } from '#workers/edge/log.ts'
import { Problem } from '#workers/edge/problem.ts'
import type { ApiContext } from './env.ts'
import { keyedAnswerMs } from './limits.ts'

/** What an operation answered; null without a body. */
export interface Made {
  status: number
  json: object | null
}

/** A creation that is asked for with the header Idempotency-Key. */
export interface Keyed {
  operation: ApiOperation
  /** Id of the user or management key that asks. */
  callerId: string
  /** What a second request with the same key has to ask for as well. */
  body: unknown
}

/** The header's value; null without it. */
export function idempotencyKeyOf(c: Context<ApiContext>): string | null {
  const key = c.req.header('idempotency-key')
  if (key === undefined) return null
  if (/^[\x20-\x7e]{1,255}$/.test(key)) return key
  throw new Problem('invalid_request', 'Idempotency-Key has 1 to 255 printable ASCII characters.')
}

/**
 * Carries out a creation once for one key: the key is taken in the first transaction of `perform`, which gets the `transact` to use, so that there is never
 * one without the other. A request that comes again, also while the first still runs, gets the first's answer. A refused one gives its key back.
 */
export async function once(
  c: Context<ApiContext>,
  key: string,
  { operation, callerId, body }: Keyed,
  perform: (transact: Transact) => Promise<Made>,
): Promise<Made> {
  const { db, transact } = c.var.surroundings
  const asked = `${operation.id} ${c.req.path} ${JSON.stringify(body ?? null)}`
  const requestHash = await sha256Hex(new TextEncoder().encode(asked))
  const request: KeyedRequest = { scope: callerId, key, operation: operation.id, requestHash }
  const earlier = await earlierAnswer(c, request)
  if (earlier) return replayed(c, request, earlier, operation)
  const claim = claiming(transact, request)
  try {
    const made = await perform(claim.transact)
    assert(claim.isTaken(), `${operation.id} makes what it makes in the transaction of its platform`)
    const kept = { status: made.status, answer: operation.idempotent === 'secret' ? idsOf(made) : made.json }
    // It is made, and perhaps has a secret that nobody can read again: the caller gets it, whatever becomes of the copy.
    await keepKeyedAnswer(db, callerId, key, kept).catch((error: unknown) => logFailure('keyed_answer_not_kept', error))
    return made
  } catch (error) {
    if (error instanceof KeyTaken) return once(c, key, { operation, callerId, body }, perform)
    // What broke on our side may have been made: then the key stays, and tells so.
    const isRefused = error instanceof Problem && error.status < 500
    if (claim.isTaken() && isRefused) await releaseIdempotencyKey(db, callerId, key)
    throw error
  }
}

/** Thrown to roll back a transaction whose key another request has taken meanwhile. */
class KeyTaken extends Error {
  override name = 'KeyTaken'
}

/** Takes the key at the beginning of the first transaction that is committed. */
function claiming(transact: Transact, request: KeyedRequest): { transact: Transact; isTaken(): boolean } {
  let isTaken = false
  return {
    isTaken: () => isTaken,
    transact: async (work) => {
      if (isTaken) return transact(work)
      const value = await transact(async (tx) => {
        if (!(await claimIdempotencyKey(tx, request))) throw new KeyTaken()
        return work(tx)
      })
      isTaken = true
      return value
    },
  }
}

/** What an earlier request was answered, waiting a while for one that is about to answer; null when there was none, or it was refused. */
async function earlierAnswer(c: Context<ApiContext>, { scope, key }: KeyedRequest): Promise<KeyedAnswer | null> {
  const { db } = c.var.surroundings
  let earlier = await readIdempotencyKey(db, scope, key)
  for (let waitMs = 50; earlier?.status === null && earlier.ageMs < keyedAnswerMs; waitMs *= 2) {
    await new Promise((resolve) => setTimeout(resolve, waitMs))
    earlier = await readIdempotencyKey(db, scope, key)
  }
  return earlier
}

function replayed(c: Context<ApiContext>, request: KeyedRequest, earlier: KeyedAnswer, operation: ApiOperation): Made {
  if (earlier.operation !== request.operation || earlier.requestHash !== request.requestHash)
    throw new Problem('idempotency_key_reused', 'This Idempotency-Key was sent with another request. Take a new one for each.')
  if (earlier.status === null)
    throw new Problem(
      'conflict',
      'An earlier request with this Idempotency-Key was cut off. It may have been carried out: look, before you send it with another key.',
    )
  if (operation.idempotent === 'secret')
    throw new Problem('conflict', `This was carried out already, and its secret is shown only once.${namesOf(earlier.answer)}`)
  c.header('idempotent-replayed', 'true')
  return { status: earlier.status, json: earlier.answer }
}

/** What of an answer with a secret may be kept: the ids, by which it can be found. */
function idsOf({ json }: Made): Record<string, string> {
  const ids = Object.entries(json ?? {}).filter(([name, value]) => name.endsWith('Id') && typeof value === 'string')
  return Object.fromEntries(ids)
}

function namesOf(ids: unknown): string {
  const named = Object.entries(ids ?? {}).map(([name, id]) => `${name} ${id}`)
  return named.length > 0 ? ` It made: ${named.join(', ')}.` : ''
}
