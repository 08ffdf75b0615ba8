import { scriptOf } from '../behaviours.ts'
import type { Exchange } from '../exchange.ts'
import type { JsonObject } from '../json-body.ts'
import { play } from '../play.ts'
import { complete } from './completion.ts'
import { type CompletionHead, renderChunks, renderCompletion } from './completion-text.ts'
import { unknownModel } from './errors.ts'
import { answerError, type Call, commonPart } from './replies.ts'
import { readGenerate } from './requests.ts'
import { checkGenerate } from './rules.ts'
import { reportUsage } from './usage.ts'

/** `:generateContent` and `:streamGenerateContent`, after key and JSON were judged; the record says which. */
export async function answerGenerate(call: Call, body: JsonObject): Promise<void> {
  const { exchange, version, model, format } = call
  const { record } = exchange
  const script = scriptOf(model)
  if (!script) return answerError(exchange, unknownModel(version, model, 'generateContent'), format)
  record.behaviour = script.name
  const read = readGenerate(body)
  if ('error' in read) return answerError(exchange, read.error, format)
  const { request } = read
  const error = checkGenerate(request)
  if (error) return answerError(exchange, error, format)
  const completion = complete(model, request, script)
  const { usage } = completion
  record.promptTokens = usage.promptTokens
  record.cachedTokens = usage.cachedTokens
  const head = headOf(exchange, model)
  await play(exchange, script, {
    ...commonPart(call, script),
    stream: record.stream,
    seed: completion.seed,
    visibleTokens: usage.candidatesTokens,
    hiddenTokens: usage.thoughtsTokens,
    usage: reportUsage(usage, script.behaviour.usage)?.parsed ?? null,
    renderBody: () => renderCompletion(head, completion, script),
    renderEvents: () => renderChunks(head, completion, script),
  })
}

function headOf({ record }: Exchange, model: string): CompletionHead {
  return { responseId: `scripted${record.receivedAt.toString(36)}${record.id.toString(36).padStart(8, '0')}`, model }
}
