import { randomBytes } from 'node:crypto'
import type { Script } from '../behaviours.ts'
import type { JsonObject } from '../json-body.ts'
import { lastUserText, readTags } from '../text.ts'
import type { ChatRequest, FunctionTool } from './chat-rules.ts'
import { type Completion, complete } from './completion.ts'
import { listMessages } from './response-items.ts'
import type { ResponseRequest, ResponseTool } from './response-rules.ts'

/** One item of the output as it stands when it is done; `pieces` are the tokens of its text. */
export type OutputItem = {
  kind: 'reasoning' | 'web_search_call' | 'message' | 'function_call' | 'custom_tool_call'
  pieces: string[]
  item: JsonObject
}

export type ResponseOutput = { completion: Completion; items: OutputItem[]; incomplete: 'max_output_tokens' | 'content_filter' | null }

/** The output of one response: the same words, tools and counts as the chat that says the same. */
export function writeOutput(request: ResponseRequest, script: Script, earlierTokens: number): ResponseOutput {
  const messages = listMessages(request.instructions ?? null, request.input ?? '')
  const searches = isSearchDemanded(request, readTags(lastUserText(messages)).tool)
  const completion = complete(asChat(request, messages, searches), script, earlierTokens)
  const choice = completion.choices[0]
  const { finishReason = 'stop', pieces = [], tool = null } = choice ?? {}
  const incomplete = finishReason === 'length' ? 'max_output_tokens' : finishReason === 'content_filter' ? 'content_filter' : null
  const items: OutputItem[] = []
  if (completion.usage.reasoningTokens > 0) items.push(writeReasoning(request))
  if (searches) items.push(writeSearch(pieces))
  // Reasoning that used up the whole limit leaves no message.
  const isSilent = pieces.length === 0 && incomplete === 'max_output_tokens'
  const status = incomplete === null ? 'completed' : 'incomplete'
  if (!isSilent) items.push(tool ? writeCall(request, tool, pieces, status) : writeMessage(pieces, status))
  return { completion, items, incomplete }
}

function writeReasoning({ reasoning, include }: ResponseRequest): OutputItem {
  const summary = reasoning?.summary ? [{ type: 'summary_text', text: 'Weighing what was asked.' }] : []
  const sealed = include?.includes('reasoning.encrypted_content') ? { encrypted_content: 'c2NyaXB0ZWQ=' } : {}
  return { kind: 'reasoning', pieces: [], item: { id: makeId('rs'), type: 'reasoning', summary, ...sealed } }
}

function writeSearch(pieces: readonly string[]): OutputItem {
  const action = { type: 'search', query: pieces[0] ?? 'word' }
  return { kind: 'web_search_call', pieces: [], item: { id: makeId('ws'), type: 'web_search_call', status: 'completed', action } }
}

function writeMessage(pieces: string[], status: string): OutputItem {
  const content = [{ type: 'output_text', annotations: [], logprobs: [], text: pieces.join('') }]
  return { kind: 'message', pieces, item: { id: makeId('msg'), type: 'message', status, role: 'assistant', content } }
}

function writeCall({ tools }: ResponseRequest, tool: { id: string; name: string }, pieces: string[], status: string): OutputItem {
  const isCustom = tools?.find(({ name }) => name === tool.name)?.type === 'custom'
  const kind = isCustom ? 'custom_tool_call' : 'function_call'
  const text = { [isCustom ? 'input' : 'arguments']: pieces.join('') }
  return { kind, pieces, item: { id: makeId(isCustom ? 'ctc' : 'fc'), type: kind, status, call_id: tool.id, name: tool.name, ...text } }
}

/** Ids must differ between all upstreams of a process, because they are remembered by it. */
export function makeId(prefix: string): string {
  return `${prefix}_${randomBytes(25).toString('hex')}`
}

function isSearch(tool: ResponseTool | undefined): boolean {
  return tool?.type.startsWith('web_search') === true
}

function isSearchDemanded({ tools, tool_choice: choice }: ResponseRequest, isTagged: boolean): boolean {
  if (typeof choice === 'object' && choice !== null) return choice.type.startsWith('web_search')
  return choice !== 'none' && (choice === 'required' || isTagged) && isSearch(tools?.[0])
}

function asChat(request: ResponseRequest, messages: ChatRequest['messages'], searches: boolean): ChatRequest {
  const { text, tools } = request
  const schema = text?.format?.schema
  return {
    model: request.model,
    messages,
    max_completion_tokens: request.max_output_tokens ?? null,
    tools: (tools ?? []).filter((tool) => !isSearch(tool)).map(asFunction),
    tool_choice: searches ? 'none' : asChatChoice(request),
    response_format: text?.format ? { type: text.format.type, ...(schema ? { json_schema: { schema } } : {}) } : null,
  }
}

/** A custom tool takes any text, which a JSON text also is. */
function asFunction({ type, name = '', parameters }: ResponseTool): FunctionTool {
  return { type: 'function', function: { name, parameters: type === 'custom' ? { type: 'string' } : (parameters ?? null) } }
}

function asChatChoice({ tool_choice: choice }: ResponseRequest): ChatRequest['tool_choice'] & (string | object | null) {
  if (typeof choice !== 'object' || choice === null) return choice ?? null
  return choice.name === undefined ? (choice.mode ?? 'auto') : { function: { name: choice.name } }
}
