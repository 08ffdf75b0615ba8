import type { StreamEvent } from '../delivery.ts'
import type { JsonObject } from '../json-body.ts'
import { serverError } from './errors.ts'
import type { OutputItem } from './response-output.ts'
import { type PlacedUsage, renderWith } from './usage.ts'

/** A finished response: its members without output and usage, its items, and why it ended early. */
export type FinishedResponse = {
  head: JsonObject
  items: OutputItem[]
  incomplete: string | null
  usage: PlacedUsage
  /** What is reported before the end; null as a rule. */
  earlyUsage: JsonObject | null
  reasoningTokens: number
}

/** The non-stream body. */
export function renderResponse({ head, items, incomplete, usage }: FinishedResponse): string {
  const output = items.map(({ item }, index) => (index === 0 ? { ...item, ...usage.inItem } : item))
  const ending = {
    status: incomplete === null ? 'completed' : 'incomplete',
    incomplete_details: incomplete === null ? null : { reason: incomplete },
    completed_at: incomplete === null ? Math.floor(Date.now() / 1_000) : null,
  }
  return renderWith({ ...head, ...ending, output }, usage.text)
}

/** The events of a stream, up to and with the terminal one. */
export function renderResponseEvents(finished: FinishedResponse): StreamEvent[] {
  const { head, items, incomplete, usage, earlyUsage, reasoningTokens } = finished
  const list = new EventList()
  const begun = { ...head, status: 'in_progress', output: [], usage: null }
  list.add('response.created', { response: begun })
  list.add('response.in_progress', { response: { ...begun, usage: earlyUsage } }, 0, earlyUsage ?? undefined)
  for (const [index, item] of items.entries()) pushItem(list, item, index, item.kind === 'reasoning' ? reasoningTokens : 0)
  const last = `response.${incomplete === null ? 'completed' : 'incomplete'}`
  list.addText(last, `"response":${renderResponse(finished)}`, { tokens: 0, usage: usage.parsed })
  return list.events
}

/** How a stream that was begun ends when the model fails. */
export function renderFailed(head: JsonObject, sequenceNumber: number): StreamEvent {
  const response = { ...head, status: 'failed', error: { code: 'server_error', message: serverError.message }, output: [], usage: null }
  const name = 'response.failed'
  return { name, data: JSON.stringify({ type: name, sequence_number: sequenceNumber, response }), tokens: 0 }
}

const { message } = serverError
/** The error of a stream that never began. */
export const firstEventError: StreamEvent = {
  name: 'error',
  data: JSON.stringify({ type: 'error', sequence_number: 0, code: 'server_error', message, param: null }),
  tokens: 0,
}

/** Numbers the events as they come. */
class EventList {
  readonly events: StreamEvent[] = []

  add(name: string, members: JsonObject, tokens = 0, usage?: unknown): void {
    this.addText(name, JSON.stringify(members).slice(1, -1), usage === undefined ? { tokens } : { tokens, usage })
  }

  addText(name: string, members: string, counted: Omit<StreamEvent, 'name' | 'data'>): void {
    this.events.push({ name, data: `{"type":"${name}","sequence_number":${this.events.length},${members}}`, ...counted })
  }
}

type Where = { item_id: unknown; output_index: number }

function pushItem(list: EventList, output: OutputItem, outputIndex: number, hiddenTokens: number): void {
  const { item, kind } = output
  const where = { item_id: item.id, output_index: outputIndex }
  const isBegun = kind === 'reasoning' ? {} : { status: 'in_progress' }
  list.add('response.output_item.added', { output_index: outputIndex, item: { ...item, ...isBegun, ...emptied[kind] } })
  if (kind === 'message') pushMessage(list, output, where)
  else if (kind === 'reasoning') pushSummary(list, item, where)
  else if (kind === 'web_search_call') for (const stage of searchStages) list.add(`response.web_search_call.${stage}`, where)
  else pushCall(list, output, where)
  const done = JSON.stringify({ output_index: outputIndex, item }).slice(1, -1)
  list.addText('response.output_item.done', done, { tokens: 0, hidden: hiddenTokens })
}

const searchStages = ['in_progress', 'searching', 'completed']

/** What an item still lacks when it is announced. */
const emptied: Record<OutputItem['kind'], JsonObject> = {
  reasoning: { summary: [] },
  web_search_call: { action: undefined },
  message: { content: [] },
  function_call: { arguments: '' },
  custom_tool_call: { input: '' },
}

function pushMessage(list: EventList, { pieces }: OutputItem, where: Where): void {
  const part = { ...where, content_index: 0 }
  const textPart = (text: string): JsonObject => ({ type: 'output_text', annotations: [], logprobs: [], text })
  list.add('response.content_part.added', { ...part, part: textPart('') })
  for (const delta of pieces) list.add('response.output_text.delta', { ...part, delta, logprobs: [] }, 1)
  const text = pieces.join('')
  list.add('response.output_text.done', { ...part, text, logprobs: [] })
  list.add('response.content_part.done', { ...part, part: textPart(text) })
}

function pushSummary(list: EventList, { summary }: JsonObject, where: Where): void {
  const [whole] = Array.isArray(summary) ? summary : []
  if (whole === undefined) return
  const at = { ...where, summary_index: 0 }
  const { text } = whole
  list.add('response.reasoning_summary_part.added', { ...at, part: { type: 'summary_text', text: '' } })
  list.add('response.reasoning_summary_text.delta', { ...at, delta: text })
  list.add('response.reasoning_summary_text.done', { ...at, text })
  list.add('response.reasoning_summary_part.done', { ...at, part: whole })
}

function pushCall(list: EventList, { kind, pieces, item }: OutputItem, where: Where): void {
  const [stem, member] =
    kind === 'function_call' ? ['response.function_call_arguments', 'arguments'] : ['response.custom_tool_call_input', 'input']
  for (const delta of pieces) list.add(`${stem}.delta`, { ...where, delta }, 1)
  list.add(`${stem}.done`, { ...where, ...(kind === 'function_call' ? { name: item.name } : {}), [member]: item[member] })
}
