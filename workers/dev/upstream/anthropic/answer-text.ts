import type { Script } from '../behaviours.ts'
import type { StreamEvent } from '../delivery.ts'
import type { ReportedUsage } from '../wrong-usage.ts'
import type { Answer } from './answer.ts'
import { halfUsage, mergeUsage, reportUsage } from './usage.ts'

/** What every form of one answer carries. */
export type AnswerHead = { id: string; model: string }

/** The non-stream body. */
export function renderMessage(head: AnswerHead, { blocks, stopReason, usage }: Answer, { behaviour }: Script): string {
  const half = behaviour.usage === 'twice' ? usageField(reportUsage(halfUsage(usage), behaviour.usage).whole) : ''
  const content = JSON.stringify(blocks.map(({ whole }) => whole))
  return `{${openMessage(head)},"content":${content},${stopFields(stopReason)}${half}${usageField(reportUsage(usage, behaviour.usage).whole)}}`
}

/** The events of a stream in the order in which Anthropic sends them, each under its name. */
export function renderEvents(head: AnswerHead, { blocks, stopReason, usage }: Answer, { behaviour }: Script): StreamEvent[] {
  const { start, delta } = reportUsage(usage, behaviour.usage)
  const message = `{${openMessage(head)},"content":[],${stopFields(null)}${usageField(start)}}`
  const events: StreamEvent[] = [{ ...event('message_start', `"message":${message}`), usage: start?.parsed }, event('ping')]
  for (const [index, block] of blocks.entries()) {
    const opening = event('content_block_start', `"index":${index},"content_block":${JSON.stringify(block.start)}`)
    events.push({ ...opening, hidden: block.hiddenTokens })
    for (const { delta: part, tokens } of block.listDeltas()) {
      events.push(event('content_block_delta', `"index":${index},"delta":${JSON.stringify(part)}`, tokens))
    }
    events.push(event('content_block_stop', `"index":${index}`))
  }
  const report = (stop: string | null, said: ReportedUsage | null): StreamEvent => ({
    ...event('message_delta', `"delta":{${stopFields(stop)}}${usageField(said)}`),
    usage: said ? mergeUsage(start, said) : undefined,
  })
  if (behaviour.usage === 'twice') events.push(report(null, reportUsage(halfUsage(usage), behaviour.usage).delta))
  events.push(report(stopReason, delta), event('message_stop'))
  return events
}

function event(name: string, fields = '', tokens = 0): StreamEvent {
  return { name, data: `{"type":"${name}"${fields === '' ? '' : `,${fields}`}}`, tokens }
}

function openMessage({ id, model }: AnswerHead): string {
  return `"model":"${model}","id":"${id}","type":"message","role":"assistant"`
}

function stopFields(reason: string | null): string {
  const details = reason === 'refusal' ? '{"type":"refusal","category":null,"explanation":null}' : 'null'
  return `"stop_reason":${JSON.stringify(reason)},"stop_sequence":null,"stop_details":${details}`
}

function usageField(report: ReportedUsage | null): string {
  return report ? `,"usage":${report.json}` : ''
}
