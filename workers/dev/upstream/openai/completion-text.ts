import type { Script } from '../behaviours.ts'
import type { StreamEvent } from '../delivery.ts'
import type { Choice, Completion } from './completion.ts'
import { halfUsage, reportUsage } from './usage.ts'

/** What every form of one answer carries. `createdSeconds` is Unix time. */
export type CompletionHead = { id: string; createdSeconds: number; model: string }

/** Both are what a real answer carries; the fingerprint is fixed because the generator is. */
const service = '"service_tier":"default","system_fingerprint":"fp_scripted0"'

/** The non-stream body, and what it reports as usage. */
export function renderCompletion(head: CompletionHead, completion: Completion, script: Script): string {
  const fault = script.behaviour.usage
  const usage = reportUsage(completion.usage, fault)
  const half = fault === 'twice' ? `"usage":${halfUsage(completion.usage).json},` : ''
  const inChoice = fault === 'in-choices' && usage ? `,"usage":${usage.json}` : ''
  const top = usage && fault !== 'in-choices' ? `"usage":${usage.json},` : ''
  const choices = completion.choices.map((choice, index) => renderChoice(choice, index, index === 0 ? inChoice : ''))
  return `{"id":"${head.id}","object":"chat.completion","created":${head.createdSeconds},"model":"${head.model}","choices":[${choices.join(',')}],${half}${top}${service}}\n`
}

function renderChoice(choice: Choice, index: number, extra: string): string {
  const text = JSON.stringify(choice.pieces.join(''))
  const message = choice.tool
    ? `"content":null,"tool_calls":[{"id":"${choice.tool.id}","type":"function","function":{"name":"${choice.tool.name}","arguments":${text}}}]`
    : `"content":${text}`
  return (
    `{"index":${index},"message":{"role":"assistant",${message},"refusal":null,"annotations":[]},"logprobs":null,` +
    `"finish_reason":"${choice.finishReason}"${extra}}`
  )
}

/** The events of a stream with its usage event, where one was asked for, and `[DONE]`. */
export function renderChunks(head: CompletionHead, completion: Completion, script: Script, includeUsage: boolean): StreamEvent[] {
  const start = `{"id":"${head.id}","object":"chat.completion.chunk","created":${head.createdSeconds},"model":"${head.model}",${service},"choices":[`
  const end = includeUsage ? '],"usage":null}' : ']}'
  const events: StreamEvent[] = []
  const reasoning = completion.usage.reasoningTokens / completion.choices.length
  const push = (index: number, delta: string, tokens: number, finish = 'null', extra = '', hidden = 0): void => {
    const data = `${start}{"index":${index},"delta":{${delta}},"logprobs":null,"finish_reason":${finish}${extra}}${end}`
    events.push({ data, tokens, hidden })
  }
  for (const [index, choice] of completion.choices.entries()) push(index, openingDelta(choice), 0, 'null', '', reasoning)
  const longest = completion.choices.reduce((most, choice) => Math.max(most, choice.pieces.length), 0)
  for (let position = 0; position < longest; position += 1) {
    for (const [index, choice] of completion.choices.entries()) {
      const piece = choice.pieces[position]
      if (piece !== undefined) push(index, outputDelta(choice, piece), 1)
    }
  }
  const inChoices = includeUsage && script.behaviour.usage === 'in-choices'
  const report = inChoices ? reportUsage(completion.usage, undefined) : null
  for (const [index, choice] of completion.choices.entries()) {
    push(index, '', 0, `"${choice.finishReason}"`, report && index === 0 ? `,"usage":${report.json}` : '')
  }
  const last = events.at(-1)
  if (report && last) last.usage = report.parsed
  if (includeUsage && !inChoices) events.push(...usageEvents(start, completion, script))
  events.push({ data: '[DONE]', tokens: 0 })
  return events
}

function usageEvents(start: string, completion: Completion, script: Script): StreamEvent[] {
  const fault = script.behaviour.usage
  const reported = reportUsage(completion.usage, fault)
  if (!reported) return []
  const reports = fault === 'twice' ? [halfUsage(completion.usage), reported] : [reported]
  return reports.map(({ json, parsed }) => ({ data: `${start}],"usage":${json}}`, tokens: 0, usage: parsed }))
}

function openingDelta({ tool }: Choice): string {
  if (!tool) return '"role":"assistant","content":"","refusal":null'
  const call = `{"index":0,"id":"${tool.id}","type":"function","function":{"name":"${tool.name}","arguments":""}}`
  return `"role":"assistant","content":null,"tool_calls":[${call}],"refusal":null`
}

function outputDelta({ tool }: Choice, piece: string): string {
  const text = JSON.stringify(piece)
  return tool ? `"tool_calls":[{"index":0,"function":{"arguments":${text}}}]` : `"content":${text}`
}
