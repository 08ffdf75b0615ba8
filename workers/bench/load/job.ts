import type { Kind } from '../upstream/answers.ts'

/** One round of load on one target: `concurrency` connections, each sending its next request when the last answer is complete. */
export interface Job {
  target: { port: number; path: string; apiKey: string; model: string }
  kind: Kind
  /** The client itself asks for the usage chunk of a stream. A message of Anthropic's reports it unasked. */
  showsUsage: boolean
  /** Whether the upstream is asked for usage: by the client, or by the relay on its behalf. Decides what bytes are right. */
  asksUsage: boolean
  /** Absent: the model's own maximum, which makes the hold large. */
  maxTokens: number | undefined
  concurrency: number
  /** No request begins later; 0 sends one on each connection. All that began are waited for. */
  seconds: number
}

/** Times are in milliseconds since the request was written; one entry for each request, all of them complete and correct. */
export interface LoadResult {
  latenciesMs: Float64Array
  firstBytesMs: Float64Array
  /** From the first request to the last complete answer. */
  elapsedSeconds: number
}

export type LoadReply = { result: LoadResult } | { failure: string }
