import { scriptOf } from '../behaviours.ts'
import type { Exchange } from '../exchange.ts'
import type { JsonObject } from '../json-body.ts'
import { play } from '../play.ts'
import { type ChatRequest, checkChat, readChat } from './chat-rules.ts'
import { complete } from './completion.ts'
import { type CompletionHead, renderChunks, renderCompletion } from './completion-text.ts'
import { embeddingModel } from './embeddings.ts'
import { invalidRequest, unknownModel } from './errors.ts'
import { answerError, commonPart } from './replies.ts'
import { reportUsage } from './usage.ts'

/** POST /v1/chat/completions, after key and JSON were judged. `model` is a string by then. */
export async function answerChat(exchange: Exchange, body: JsonObject, model: string, key: string): Promise<void> {
  const script = scriptOf(model)
  if (!script) return answerError(exchange, model === embeddingModel ? notChat : unknownModel(model))
  exchange.record.behaviour = script.name
  const error = checkChat(body)
  if (error) return answerError(exchange, error)
  const request = readChat(body)
  const completion = complete(request, script)
  const { usage } = completion
  const { record } = exchange
  record.stream = request.stream === true
  record.promptTokens = usage.promptTokens
  record.cachedTokens = usage.cachedTokens
  const head = headOf(exchange, request)
  const includeUsage = request.stream_options?.include_usage === true
  await play(exchange, script, {
    ...commonPart(exchange, script, key),
    stream: record.stream,
    seed: completion.seed,
    visibleTokens: usage.completionTokens - usage.reasoningTokens,
    hiddenTokens: usage.reasoningTokens,
    usage: record.stream && !includeUsage ? null : (reportUsage(usage, script.behaviour.usage)?.parsed ?? null),
    renderBody: () => renderCompletion(head, completion, script),
    renderEvents: () => renderChunks(head, completion, script, includeUsage),
  })
}

const notChat = invalidRequest('This is not a chat model and thus not supported in the v1/chat/completions endpoint.', 'model', null, 404)

function headOf({ record }: Exchange, { model }: ChatRequest): CompletionHead {
  const createdSeconds = Math.floor(record.receivedAt / 1_000)
  return { id: `chatcmpl-scripted${createdSeconds.toString(36)}${record.id.toString(36).padStart(8, '0')}`, createdSeconds, model }
}
