import type { Exchange } from '../exchange.ts'
import type { JsonObject } from '../json-body.ts'
import { play } from '../play.ts'
import { invalidRequest, type OpenAiError } from './errors.ts'
import { admitRequest, answerError, commonPart } from './replies.ts'
import { listReferences } from './response-items.ts'
import { recall, remember } from './response-memory.ts'
import { makeId, writeOutput } from './response-output.ts'
import { checkResponse, type ResponseRequest, readResponse } from './response-rules.ts'
import { type FinishedResponse, firstEventError, renderFailed, renderResponse, renderResponseEvents } from './response-text.ts'
import type { ChatUsage } from './usage.ts'
import { halve, placeUsage } from './usage.ts'

/** POST /v1/responses, after key and JSON were judged. */
export async function answerResponse(exchange: Exchange, body: JsonObject, model: string, key: string): Promise<void> {
  const script = admitRequest(exchange, model, () => checkResponse(body))
  if (!script) return
  const request = readResponse(body)
  const earlierTokens = recallTokens(body, request, key)
  if (typeof earlierTokens !== 'number') return answerError(exchange, earlierTokens)
  const { completion, items, incomplete } = writeOutput(request, script, earlierTokens)
  const { usage } = completion
  const { record } = exchange
  record.stream = request.stream === true
  record.promptTokens = usage.promptTokens
  record.cachedTokens = usage.cachedTokens
  const { usage: fault } = script.behaviour
  const fields = countFields(usage)
  const reportsEarly = record.stream && fault === 'twice'
  const finished: FinishedResponse = {
    head: describeRequest(body, request, Math.floor(record.receivedAt / 1_000)),
    items,
    incomplete,
    usage: placeUsage(fields, reportsEarly ? undefined : fault),
    earlyUsage: reportsEarly ? halve(fields) : null,
    reasoningTokens: usage.reasoningTokens,
  }
  const kept = { key, promptTokens: usage.promptTokens }
  await play(exchange, script, {
    ...commonPart(exchange, script, key),
    errorEvent: firstEventError,
    failedEvent: (sentBefore) => renderFailed(finished.head, sentBefore),
    stream: record.stream,
    seed: completion.seed,
    visibleTokens: usage.completionTokens - usage.reasoningTokens,
    hiddenTokens: usage.reasoningTokens,
    usage: finished.usage.parsed,
    renderBody: () => store(request, finished, kept, renderResponse(finished)),
    renderEvents: () => store(request, finished, kept, renderResponseEvents(finished)),
  })
}

/** Prompt tokens of what the request names instead of sending it, or the refusal of an id that was never stored here. */
function recallTokens(body: JsonObject, { input, previous_response_id: previous }: ResponseRequest, key: string): number | OpenAiError {
  const { conversation, prompt } = body
  if (conversation !== undefined && conversation !== null) return invalidRequest('Conversation not found.', 'conversation', null, 404)
  if (prompt !== undefined && prompt !== null) return invalidRequest('Prompt not found.', 'prompt', 'prompt_not_found', 404)
  let tokens = 0
  if (previous !== undefined && previous !== null) {
    const known = recall(key, previous)
    if (known === null)
      return invalidRequest(`Previous response with id '${previous}' not found.`, 'previous_response_id', 'previous_response_not_found')
    tokens += known
  }
  for (const id of Array.isArray(input) ? listReferences(input) : []) {
    const known = recall(key, id)
    const hint = 'Items are not persisted when `store` is set to false.'
    if (known === null) return invalidRequest(`Item with id '${id}' not found. ${hint}`, 'input', null, 404)
    tokens += known
  }
  return tokens
}

/** Called when an answer is written, so a refused request leaves nothing to continue. */
function store<Rendered>(
  { store: isStored }: ResponseRequest,
  { head, items }: FinishedResponse,
  { key, promptTokens }: { key: string; promptTokens: number },
  rendered: Rendered,
): Rendered {
  if (isStored === false) return rendered
  remember(key, String(head.id), promptTokens)
  for (const { item, pieces } of items) remember(key, String(item.id), pieces.length)
  return rendered
}

function countFields({ promptTokens, cachedTokens, completionTokens, reasoningTokens }: ChatUsage): JsonObject {
  return {
    input_tokens: promptTokens,
    input_tokens_details: { cached_tokens: cachedTokens, cache_write_tokens: 0 },
    output_tokens: completionTokens,
    output_tokens_details: { reasoning_tokens: reasoningTokens },
    total_tokens: promptTokens + completionTokens,
  }
}

/** The members that say back what was asked, each with what OpenAI takes when it is left out. */
function describeRequest(body: JsonObject, request: ResponseRequest, createdSeconds: number): JsonObject {
  const { reasoning, text } = request
  const given = (name: string, usual: unknown): unknown => body[name] ?? usual
  return {
    id: makeId('resp'),
    object: 'response',
    created_at: createdSeconds,
    background: false,
    error: null,
    incomplete_details: null,
    instructions: given('instructions', null),
    max_output_tokens: given('max_output_tokens', null),
    max_tool_calls: given('max_tool_calls', null),
    model: request.model,
    parallel_tool_calls: given('parallel_tool_calls', true),
    previous_response_id: given('previous_response_id', null),
    prompt_cache_key: given('prompt_cache_key', null),
    prompt_cache_retention: given('prompt_cache_retention', null),
    reasoning: { effort: reasoning?.effort ?? null, summary: reasoning?.summary ?? null },
    safety_identifier: given('safety_identifier', null),
    service_tier: 'default',
    store: given('store', true),
    temperature: given('temperature', 1),
    text: { format: text?.format ?? { type: 'text' }, verbosity: text?.verbosity ?? 'medium' },
    tool_choice: given('tool_choice', 'auto'),
    tools: given('tools', []),
    top_logprobs: given('top_logprobs', 0),
    top_p: given('top_p', 1),
    truncation: given('truncation', 'disabled'),
    user: given('user', null),
    metadata: given('metadata', {}),
  }
}
