import type { Script } from '../behaviours.ts'
import type { StreamEvent } from '../delivery.ts'
import type { Candidate, Completion } from './completion.ts'
import { halveUsage, reportUsage } from './usage.ts'

/** What every form of one answer carries. */
export type CompletionHead = { responseId: string; model: string }

/** The non-stream body. */
export function renderCompletion(head: CompletionHead, completion: Completion, { behaviour }: Script): string {
  const { usage, thought } = completion
  const reported = reportUsage(usage, behaviour.usage)
  const half = behaviour.usage === 'twice' ? `"usageMetadata":${reportUsage(halveUsage(usage), undefined)?.json},` : ''
  const candidates = completion.candidates.map((candidate, index) => {
    const output = candidate.call || candidate.pieces.length > 0 ? [renderOutput(candidate, candidate.pieces.join(''), completion)] : []
    const thoughts = thought === null ? [] : [renderThought(thought)]
    return renderCandidate(index, [...thoughts, ...output], candidate.finishReason)
  })
  return `{"candidates":[${candidates.join(',')}],${half}${reported ? `"usageMetadata":${reported.json},` : ''}${renderHead(head)}}\n`
}

/** The events of a stream; each tells the usage so far, and the last, which has no output, why each candidate ended. */
export function renderChunks(head: CompletionHead, completion: Completion, { behaviour }: Script): StreamEvent[] {
  const { candidates, thought, usage } = completion
  const isTwice = behaviour.usage === 'twice'
  const limit = isTwice ? halveUsage(usage) : usage
  const events: StreamEvent[] = []
  let written = 0
  const push = (rendered: readonly string[], tokens: number): void => {
    written += tokens
    const soFar = { ...limit, candidatesTokens: Math.min(written, limit.candidatesTokens) }
    const hidden = events.length === 0 ? usage.thoughtsTokens : 0
    events.push({ ...renderChunk(head, rendered, reportUsage(soFar, behaviour.usage)), tokens, hidden })
  }
  if (thought !== null) push([renderCandidate(0, [renderThought(thought)])], 0)
  const longest = candidates.reduce((most, candidate) => Math.max(most, chunksOf(candidate).length), 0)
  for (let position = 0; position < longest; position += 1) {
    for (const [index, candidate] of candidates.entries()) {
      const chunk = chunksOf(candidate)[position]
      if (chunk === undefined) continue
      push([renderCandidate(index, [renderOutput(candidate, chunk, completion)])], candidate.call ? candidate.pieces.length : 1)
    }
  }
  push(
    candidates.map(({ finishReason }, index) => renderCandidate(index, ['{"text":""}'], finishReason)),
    0,
  )
  if (isTwice) events.push({ ...renderChunk(head, [], reportUsage(usage, undefined)), tokens: 0 })
  return events
}

/** A call goes out whole, text word by word. */
function chunksOf({ call, pieces }: Candidate): readonly string[] {
  return call ? [''] : pieces
}

function renderChunk(
  head: CompletionHead,
  candidates: readonly string[],
  reported: ReturnType<typeof reportUsage>,
): Pick<StreamEvent, 'data' | 'usage'> {
  const output = candidates.length > 0 ? `"candidates":[${candidates.join(',')}],` : ''
  if (!reported) return { data: `{${output}${renderHead(head)}}` }
  return { data: `{${output}"usageMetadata":${reported.json},${renderHead(head)}}`, usage: reported.parsed }
}

function renderCandidate(index: number, parts: readonly string[], finishReason?: string): string {
  const content = parts.length > 0 ? `{"parts":[${parts.join(',')}],"role":"model"}` : '{"role":"model"}'
  return `{"content":${content},${finishReason === undefined ? '' : `"finishReason":"${finishReason}",`}"index":${index}}`
}

/** A model that thought signs its calls, so that the client can hand the thoughts back. */
function renderOutput({ call }: Candidate, text: string, { seed, usage }: Completion): string {
  if (!call) return JSON.stringify({ text })
  const functionCall = { id: call.id, name: call.name, args: call.args }
  const thoughtSignature = Buffer.from(`scripted thoughts ${seed}`).toString('base64')
  return JSON.stringify(usage.thoughtsTokens > 0 ? { functionCall, thoughtSignature } : { functionCall })
}

function renderThought(text: string): string {
  return JSON.stringify({ text, thought: true })
}

function renderHead({ model, responseId }: CompletionHead): string {
  return `"modelVersion":"${model}","responseId":"${responseId}"`
}
