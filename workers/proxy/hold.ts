import type { CatalogueModel } from '#db/queries/read-catalogue.ts'
import type { HoldReference, Room } from '#shared/contracts/ledger.ts'
import { boundNanos } from '#shared/pricing/cost.ts'
import { formatUsd } from '#shared/values/money.ts'
import { ApiError } from '#workers/edge/api-error.ts'
import { countTokens } from './count-tokens.ts'
import { type ChatCall, countableText, imageTokensOf, openaiChatPath } from './dialects/openai-chat.ts'
import { type Exchange, factsOf } from './exchange.ts'
import { countedBodyBytes } from './limits.ts'

/** What a request asks the ledger to hold: bounded by its bytes at first, and counted when that bound is what stands in its way. */
export interface Hold {
  reference: HoldReference
  /** The same hold, counted so that it fits; null when it cannot. */
  tighter(room: Room): Promise<HoldReference | null>
  /** What the client can do so that the request fits. */
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
  const outputTokens = (call.maxOutputTokens ?? model.maxOutputTokens) * call.choices
  const ofInput = (inputTokens: number): HoldReference | null => {
    const holdNanos = boundNanos({ inputTokens, outputTokens }, model.price)
    return holdNanos === null ? null : { request, holdNanos, reservedTokens: inputTokens + outputTokens }
  }
  const reference = ofInput(call.inputTokensBound)
  if (!reference) throw new ApiError('invalid_request', { message: 'The request may cost more than one request can. Divide it.' })
  return {
    reference,
    tighter: (room) => countedHold(call, model, ofInput, room),
    advice: (room) => adviceOf(reference, room),
  }
}

async function countedHold(
  call: ChatCall,
  model: CatalogueModel,
  ofInput: (inputTokens: number) => HoldReference | null,
  room: Room,
): Promise<HoldReference | null> {
  const leastInputTokens = imageTokensOf(call)
  // Counting helps neither a request whose output alone is too much, nor one so long that the count would cost more than it is worth.
  if (call.bodyBytes > countedBodyBytes || !fits(ofInput(leastInputTokens), room)) return null
  const most = largest(leastInputTokens, call.inputTokensBound, (inputTokens) => fits(ofInput(inputTokens), room))
  const counted = await countTokens(countableText(call), model.tokenizer, most - leastInputTokens)
  return counted === null ? null : ofInput(leastInputTokens + counted)
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

function adviceOf({ holdNanos }: HoldReference, room: Room): string {
  const most = `It may cost up to ${formatUsd(holdNanos)} dollars, and ${formatUsd(room.holdNanos)} dollars can be held for it now.`
  return `${most} A smaller max_tokens lowers what is held.`
}
