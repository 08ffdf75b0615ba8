import type { UsageFault } from '../behaviours.ts'
import type { JsonObject } from '../json-body.ts'
import { type ReportedUsage, reportWrongUsage } from '../wrong-usage.ts'

export type ChatUsage = {
  promptTokens: number
  cachedTokens: number
  completionTokens: number
  reasoningTokens: number
  audioInTokens: number
  audioOutTokens: number
}

/** What the usage field of a chat says, or null when it is left out. */
export function reportUsage(usage: ChatUsage, fault: UsageFault | undefined): ReportedUsage | null {
  return reportFields(chatFields(usage), fault)
}

export function halfUsage(usage: ChatUsage): ReportedUsage {
  const parsed = chatFields({ ...usage, completionTokens: usage.completionTokens >> 1, reasoningTokens: usage.reasoningTokens >> 1 })
  return { json: JSON.stringify(parsed), parsed }
}

/** A usage object of any shape as the fault leaves it, or null when it is left out; wrong counts come without their details. */
export function reportFields(fields: JsonObject, fault: UsageFault | undefined): ReportedUsage | null {
  if (fault === 'absent') return null
  if (fault === 'null') return { json: 'null', parsed: null }
  // What is no count, such as the kind of usage, stays as it is.
  const kind = Object.entries(fields).flatMap(([name, value]) => (typeof value === 'string' ? [[name, value] as const] : []))
  const counts = Object.keys(fields).filter((name) => typeof fields[name] === 'number')
  return reportWrongUsage(fault, counts, Object.fromEntries(kind)) ?? { json: JSON.stringify(fields), parsed: fields }
}

/** Usage in an answer that is one object: the text behind its other members, what its first item holds, and what is so reported. */
export type PlacedUsage = { text: string; inItem: JsonObject; parsed: unknown }

export function placeUsage(fields: JsonObject, fault: UsageFault | undefined): PlacedUsage {
  const reported = reportFields(fields, fault)
  if (!reported) return { text: '', inItem: {}, parsed: null }
  if (fault === 'in-choices') return { text: '', inItem: { usage: fields }, parsed: fields }
  const half = fault === 'twice' ? `,"usage":${JSON.stringify(halve(fields))}` : ''
  return { text: `${half},"usage":${reported.json}`, inItem: {}, parsed: reported.parsed }
}

/** The same for an object that has no items, such as an event: what would stand in one is left out. */
export function placeInEvent(fields: JsonObject, fault: UsageFault | undefined): PlacedUsage {
  return placeUsage(fields, fault === 'in-choices' ? 'absent' : fault)
}

/** JSON of an object that has members, with more of them as text. */
export function renderWith(object: JsonObject, more: string): string {
  return `${JSON.stringify(object).slice(0, -1)}${more}}`
}

export function halve(fields: JsonObject): JsonObject {
  const entries = Object.entries(fields).map(([name, value]) => [name, typeof value === 'number' ? Math.floor(value / 2) : value])
  return Object.fromEntries(entries)
}

function chatFields({
  promptTokens,
  cachedTokens,
  completionTokens,
  reasoningTokens,
  audioInTokens,
  audioOutTokens,
}: ChatUsage): JsonObject {
  return {
    prompt_tokens: promptTokens,
    completion_tokens: completionTokens,
    total_tokens: promptTokens + completionTokens,
    prompt_tokens_details: { cached_tokens: cachedTokens, audio_tokens: audioInTokens },
    completion_tokens_details: {
      reasoning_tokens: reasoningTokens,
      audio_tokens: audioOutTokens,
      accepted_prediction_tokens: 0,
      rejected_prediction_tokens: 0,
    },
  }
}
