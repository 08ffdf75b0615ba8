import type { TruthRecord, Upstream } from '../server.ts'
import { endedRecord, type RawAnswer, type RawRequest, send, testKey } from '../test-client.ts'

export type Shape = 'body' | 'sse' | 'array'
export const shapes: readonly Shape[] = ['body', 'sse', 'array']

const suffixes: Readonly<Record<Shape, string>> = {
  body: 'generateContent',
  sse: 'streamGenerateContent?alt=sse',
  array: 'streamGenerateContent',
}

export function generatePath(model: string, shape: Shape): string {
  return `/gemini/v1beta/models/${model}:${suffixes[shape]}`
}

export function userText(text: string, more: Record<string, unknown> = {}): Record<string, unknown> {
  return { contents: [{ role: 'user', parts: [{ text }] }], ...more }
}

/** One request as Gemini takes it; node leaves out a header whose list of values is empty, here the usual `authorization`. */
export function sendGemini(url: string, request: RawRequest): Promise<RawAnswer> {
  return send(url, { ...request, headers: { authorization: [], 'x-goog-api-key': testKey, ...request.headers } })
}

export type Played = { answer: RawAnswer; record: TruthRecord }
let plays = 0

/** Plays one model over eight words. */
export async function playModel(upstream: Upstream, model: string, shape: Shape, leaveAfterBytes?: number): Promise<Played> {
  plays += 1
  const relayRequestId = `gemini-${plays}`
  const request = { path: generatePath(model, shape), body: userText('[tokens=8]'), headers: { 'x-request-id': relayRequestId } }
  const answer = await sendGemini(upstream.url, leaveAfterBytes === undefined ? request : { ...request, leaveAfterBytes })
  return { answer, record: await endedRecord(upstream, relayRequestId) }
}

/** What the tests look at in a body or a chunk. */
export type Chunk = {
  candidates?: { content: { parts?: { text?: string; thought?: boolean }[] }; finishReason?: string }[]
  usageMetadata?: Record<string, unknown> | null
  responseId?: string
  modelVersion?: string
  error?: { code: number; message: string; status: string; details?: Record<string, unknown>[] }
}

export function textOf(chunk: Chunk | undefined): string {
  return (chunk?.candidates?.[0]?.content.parts ?? []).map((part) => (part.thought ? '' : (part.text ?? ''))).join('')
}
