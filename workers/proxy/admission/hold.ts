import type { HoldReference, Room } from '#shared/contracts/ledger.ts'
import type { RequestFacts } from '#shared/contracts/usage-event.ts'
import { boundNanos, type UsageBound } from '#shared/pricing/cost.ts'
import { formatUsd } from '#shared/values/money.ts'
import { ApiError } from '#workers/edge/api-error.ts'
import type { Call, Dialect } from '../dialects/dialect.ts'
import { countedBodyBytes } from '../limits.ts'
import type { Offer } from '../upstream/offers.ts'
import { countTokens } from './count-tokens.ts'

/** What a request asks the ledger to hold: bounded by its bytes at first, and counted when that bound is what stands in its way. */
export interface Hold {
  reference: HoldReference
  /** The same hold, counted so that it fits; null when it cannot. */
  tighter(room: Room): Promise<HoldReference | null>
  /** What does not fit, and what would. */
  advice(room: Room): string
}

/**
 * The most the call can use and cost, whichever offer serves it. No token is shorter than a byte, so the bytes bound the input without a look at it;
 * the client or the model bounds the output. `offers` are not empty.
 */
export function holdOf<C extends Call>(request: RequestFacts, dialect: Dialect<C>, call: C, offers: readonly Offer[]): Hold {
  const mostOutput = call.maxOutputTokens ?? Math.max(...offers.map(({ model }) => model.maxOutputTokens))
  const ofTokens: HoldOfTokens = (inputTokens, maxTokens = mostOutput) => {
    if (dialect.isFree) return { request, holdNanos: 0, reservedTokens: 0 }
    const outputTokens = maxTokens * call.choices
    const holdNanos = dearest({ ...call.extras, inputTokens, outputTokens }, offers)
    return holdNanos === null ? null : { request, holdNanos, reservedTokens: inputTokens + outputTokens }
  }
  const reference = ofTokens(call.inputTokensBound)
  if (!reference) throw new ApiError('invalid_request', { message: 'The request may cost more than one request can. Divide it.' })
  let inputTokens = call.inputTokensBound
  return {
    reference,
    async tighter(room) {
      inputTokens = (await countedInput(dialect, call, offers, ofTokens, room)) ?? inputTokens
      const hold = ofTokens(inputTokens)
      return fits(hold, room) ? hold : null
    },
    advice(room) {
      const maxTokens = dialect.outputLimit === null ? 0 : maxTokensFitting(ofTokens, inputTokens, mostOutput, room)
      return adviceOf(ofTokens(inputTokens) ?? reference, room, dialect.outputLimit, maxTokens)
    },
  }
}

/** The hold for so many tokens; without `maxTokens` for all output that the call allows. Null beyond what one request can cost. */
type HoldOfTokens = (inputTokens: number, maxTokens?: number) => HoldReference | null

function dearest(bound: UsageBound, offers: readonly Offer[]): number | null {
  const bounds = offers.map(({ price }) => boundNanos(bound, price))
  return bounds.reduce((most, nanos) => (most === null || nanos === null ? null : Math.max(most, nanos)), 0)
}

/** The input tokens of a call; null when they are more than could fit, or not worth counting. */
async function countedInput<C extends Call>(
  dialect: Dialect<C>,
  call: C,
  offers: readonly Offer[],
  ofTokens: HoldOfTokens,
  room: Room,
): Promise<number | null> {
  const { uncountedTokens, bodyBytes, inputTokensBound } = call
  // Counting helps neither a request whose output alone is too much, nor one so long that the count would cost more than it is worth.
  if (!dialect.promptOf || bodyBytes > countedBodyBytes || !fits(ofTokens(uncountedTokens), room)) return null
  // Counted on to what fits with the least output, so that a refusal can say how much output would fit.
  const most = largest(uncountedTokens, inputTokensBound, (inputTokens) => fits(ofTokens(inputTokens, 1), room))
  const isPublished = offers.every(({ model }) => model.tokenizer === 'o200k_base')
  const counted = await countTokens(dialect.promptOf(call), isPublished ? 'o200k_base' : 'unknown', most - uncountedTokens)
  return counted === null ? null : uncountedTokens + counted
}

function maxTokensFitting(ofTokens: HoldOfTokens, inputTokens: number, mostOutput: number, room: Room): number {
  return largest(0, mostOutput, (maxTokens) => fits(ofTokens(inputTokens, maxTokens), room))
}

/** The largest number from `least`, which holds, up to `most` for which something holds that holds for all smaller ones. */
function largest(least: number, most: number, holds: (number: number) => boolean): number {
  let [known, end] = [least, most]
  while (known < end) {
    const middle = Math.ceil((known + end) / 2)
    if (holds(middle)) known = middle
    else end = middle - 1
  }
  return known
}

function fits(hold: HoldReference | null, room: Room): boolean {
  return hold !== null && hold.holdNanos <= room.holdNanos && hold.reservedTokens <= (room.tokens ?? Number.POSITIVE_INFINITY)
}

function adviceOf({ holdNanos, reservedTokens }: HoldReference, room: Room, outputLimit: string | null, maxTokens: number): string {
  const short: string[] = []
  if (holdNanos > room.holdNanos) {
    short.push(`It may cost up to ${formatUsd(holdNanos)} dollars, and ${formatUsd(room.holdNanos)} dollars can be held for it now.`)
  }
  if (room.tokens !== null && reservedTokens > room.tokens) {
    short.push(`It may use up to ${reservedTokens} tokens, and ${room.tokens} are left in this minute.`)
  }
  if (outputLimit === null) return short.join(' ')
  const remedy = maxTokens > 0 ? `It fits with ${outputLimit} of ${maxTokens}.` : `No ${outputLimit} makes it fit now.`
  return [...short, remedy].join(' ')
}
