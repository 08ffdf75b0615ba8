import type { CatalogueModel } from '#db/queries/read-catalogue.ts'
import type { HoldReference, Room } from '#shared/contracts/ledger.ts'
import { boundNanos } from '#shared/pricing/cost.ts'
import { formatUsd } from '#shared/values/money.ts'
import { ApiError } from '#workers/edge/api-error.ts'
import { countTokens } from './count-tokens.ts'
import { type ChatCall, imageTokensOf, openaiChatPath } from './dialects/openai-chat.ts'
import { promptOf } from './dialects/openai-chat-prompt.ts'
import { type Exchange, factsOf } from './exchange.ts'
import { countedBodyBytes } from './limits.ts'

/** What a request asks the ledger to hold: bounded by its bytes at first, and counted when that bound is what stands in its way. */
export interface Hold {
  reference: HoldReference
  /** The same hold, counted so that it fits; null when it cannot. */
  tighter(room: Room): Promise<HoldReference | null>
  /** What does not fit, and what would. */
  advice(room: Room): string
}

/**
 * The most the call can use and cost. No token is shorter than a byte, so the bytes bound the input without a look at it; `max_tokens` or the model
 * bounds the output. Throws 400 when `max_tokens` is more than the model has.
 */
export function holdOf(exchange: Exchange, call: ChatCall, model: CatalogueModel, keyId: string): Hold {
  if (call.maxOutputTokens !== null && call.maxOutputTokens > model.maxOutputTokens) {
    throw new ApiError('invalid_request', {
      param: 'max_tokens',
      message: `max_tokens is too large: ${call.maxOutputTokens}. This model supports at most ${model.maxOutputTokens}.`,
    })
  }
  const request = factsOf(exchange, { keyId, model: model.id, priceVersionId: model.price.priceVersionId, path: openaiChatPath })
  const mostOutput = call.maxOutputTokens ?? model.maxOutputTokens
  const ofTokens: HoldOfTokens = (inputTokens, maxTokens = mostOutput) => {
    const outputTokens = maxTokens * call.choices
    const holdNanos = boundNanos({ inputTokens, outputTokens }, model.price)
    return holdNanos === null ? null : { request, holdNanos, reservedTokens: inputTokens + outputTokens }
  }
  const reference = ofTokens(call.inputTokensBound)
  if (!reference) throw new ApiError('invalid_request', { message: 'The request may cost more than one request can. Divide it.' })
  let inputTokens = call.inputTokensBound
  return {
    reference,
    async tighter(room) {
      inputTokens = (await countedInput(call, model, ofTokens, room)) ?? inputTokens
      const hold = ofTokens(inputTokens)
      return fits(hold, room) ? hold : null
    },
    advice: (room) => adviceOf(ofTokens(inputTokens) ?? reference, room, maxTokensFitting(ofTokens, inputTokens, mostOutput, room)),
  }
}

/** The hold for so many tokens; without `maxTokens` for all output that the call allows. Null beyond what one request can cost. */
type HoldOfTokens = (inputTokens: number, maxTokens?: number) => HoldReference | null

/** The input tokens of a call; null when they are more than could fit, or not worth counting. */
async function countedInput(call: ChatCall, model: CatalogueModel, ofTokens: HoldOfTokens, room: Room): Promise<number | null> {
  const leastInputTokens = imageTokensOf(call)
  // Counting helps neither a request whose output alone is too much, nor one so long that the count would cost more than it is worth.
  if (call.bodyBytes > countedBodyBytes || !fits(ofTokens(leastInputTokens), room)) return null
  // Counted on to what fits with the least output, so that a refusal can say how much output would fit.
  const most = largest(leastInputTokens, call.inputTokensBound, (inputTokens) => fits(ofTokens(inputTokens, 1), room))
  const counted = await countTokens(promptOf(call), model.tokenizer, most - leastInputTokens)
  return counted === null ? null : leastInputTokens + counted
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

function adviceOf({ holdNanos, reservedTokens }: HoldReference, room: Room, maxTokens: number): string {
  const short: string[] = []
  if (holdNanos > room.holdNanos) {
    short.push(`It may cost up to ${formatUsd(holdNanos)} dollars, and ${formatUsd(room.holdNanos)} dollars can be held for it now.`)
  }
  if (room.tokens !== null && reservedTokens > room.tokens) {
    short.push(`It may use up to ${reservedTokens} tokens, and ${room.tokens} are left in this minute.`)
  }
  const remedy = maxTokens > 0 ? `It fits with max_tokens of ${maxTokens}.` : 'No max_tokens makes it fit now.'
  return [...short, remedy].join(' ')
}
