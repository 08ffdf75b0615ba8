import { redirectStatuses } from './redirects.ts'

/** Counts that an upstream may get wrong, or where it puts them. */
export type UsageFault =
  | 'absent'
  | 'zero'
  | 'absurd'
  | 'negative'
  | 'text'
  | 'empty-text'
  | 'fraction'
  | 'overflow'
  | 'not-a-number'
  | 'null'
  | 'twice'
  | 'in-choices'

export type Failure = 'rate-limited' | 'server-error' | 'overloaded' | 'bad-key' | 'bad-request' | 'forbidden'

/**
 * One behaviour is one choice on each axis; an axis left out means "as a healthy upstream does".
 * `parameter` is what a trailing `-<number>` of the model id sets.
 */
export type Behaviour = {
  does: string
  parameter?: { means: string; usual: number; among?: readonly number[] }
  /** What happens between reading the request and the answer's headers. */
  opening?: 'delay' | 'stall' | 'cut' | 'fail-first'
  failure?: Failure
  /** What is neither an answer nor an error: a 200 whose body is something else, or a redirect. */
  instead?: 'html' | 'error' | 'nothing' | 'redirect'
  usage?: UsageFault
  output?: 'unicode' | 'huge' | 'blank' | 'filtered'
  /** How the answer's body goes wrong on its way. */
  fault?: 'stall' | 'cut' | 'malformed' | 'error-first' | 'error-mid' | 'after-done' | 'bomb'
  framing?: 'crlf' | 'cr' | 'bom' | 'comments' | 'no-last-newline'
  pace?: 'paced' | 'bytes'
}

const afterChunks = { means: 'content chunks sent before it', usual: 3 }

export const behaviours: Readonly<Record<string, Behaviour>> = {
  fast: { does: 'answers at once' },
  burst: { does: 'the same as fast' },
  paced: { does: 'a chunk every N ms; non-stream waits N ms per token', pace: 'paced', parameter: { means: 'ms', usual: 20 } },
  'slow-first': { does: 'sends nothing, not even headers, for N ms', opening: 'delay', parameter: { means: 'ms', usual: 1_000 } },
  stall: { does: 'K chunks (non-stream: half the body), then silence until the client leaves', fault: 'stall', parameter: afterChunks },
  'stall-before-headers': { does: 'reads the request and never answers', opening: 'stall' },
  break: { does: 'destroys the socket after K chunks (non-stream: half the body)', fault: 'cut', parameter: afterChunks },
  'break-before-headers': { does: 'works to the end, then cuts the socket before any header', opening: 'cut' },
  // The server looks for this name in the first bytes of the body and resets the socket there.
  refuse: { does: 'resets the socket on the first bytes of the body', opening: 'cut' },
  'no-usage': { does: 'never reports usage', usage: 'absent' },
  'zero-usage': { does: 'reports 0 tokens', usage: 'zero' },
  'absurd-usage': { does: 'reports 1e15 tokens', usage: 'absurd' },
  'negative-usage': { does: 'reports -5 tokens', usage: 'negative' },
  'text-usage': { does: 'reports "12"', usage: 'text' },
  'empty-text-usage': { does: 'reports ""', usage: 'empty-text' },
  'fraction-usage': { does: 'reports 1.5 tokens', usage: 'fraction' },
  'overflow-usage': { does: 'reports 1e400 (infinite once parsed)', usage: 'overflow' },
  'nan-usage': { does: 'reports NaN, which is not JSON', usage: 'not-a-number' },
  'null-usage': { does: 'usage is null where it should stand', usage: 'null' },
  'usage-twice': { does: 'reports half, then all (non-stream: the key "usage" twice)', usage: 'twice' },
  'usage-in-choices': { does: 'puts usage into choices[0] only', usage: 'in-choices' },
  'malformed-sse': { does: 'one event in mid-stream is broken JSON (non-stream: a truncated body)', fault: 'malformed' },
  'error-first': { does: '200, then an error event and the end', fault: 'error-first' },
  'error-mid': { does: 'K chunks, then an error event and the end', fault: 'error-mid', parameter: afterChunks },
  'empty-stream': { does: '200 with no body', instead: 'nothing' },
  html: { does: '200 with an HTML page', instead: 'html' },
  redirect: {
    does: 'redirects with status N, to where a visit is recorded as a leak',
    instead: 'redirect',
    parameter: { means: 'status', usual: 307, among: redirectStatuses },
  },
  'json-error-200': { does: '200 with an error envelope as JSON', instead: 'error' },
  'rate-limited': { does: '429 with retry-after N', failure: 'rate-limited', parameter: { means: 'seconds', usual: 2 } },
  'rate-limited-forever': {
    does: '429 with retry-after 99999999',
    failure: 'rate-limited',
    parameter: { means: 'seconds', usual: 99_999_999 },
  },
  'error-500': { does: '500 server_error', failure: 'server-error' },
  'error-503': { does: '503 overloaded', failure: 'overloaded' },
  'error-401': { does: '401 whose text contains the key', failure: 'bad-key' },
  'error-400': { does: '400 context_length_exceeded', failure: 'bad-request' },
  'error-403': { does: '403 whose text names the account', failure: 'forbidden' },
  'bytes-after-done': { does: 'more events after the end', fault: 'after-done' },
  crlf: { does: 'lines end with CR LF', framing: 'crlf' },
  cr: { does: 'lines end with CR', framing: 'cr' },
  bom: { does: 'a byte order mark first', framing: 'bom' },
  comments: { does: 'keep-alive comments between events', framing: 'comments' },
  'no-last-newline': { does: 'the last line has no end', framing: 'no-last-newline' },
  split: {
    does: 'writes of N bytes, so cuts fall inside characters and field names',
    pace: 'bytes',
    output: 'unicode',
    parameter: { means: 'bytes', usual: 1 },
  },
  unicode: { does: 'text of multi-byte characters', output: 'unicode' },
  'huge-event': { does: 'one token of the answer is 16 MB long', output: 'huge' },
  'gzip-bomb': { does: 'content-encoding gzip though not asked, N MB once unpacked', fault: 'bomb', parameter: { means: 'MB', usual: 64 } },
  flaky: {
    does: 'the first N attempts of a body fail with 503, the next succeeds, and so on',
    opening: 'fail-first',
    parameter: { means: 'failures', usual: 1 },
  },
  blank: { does: 'no output, finish_reason stop, completion tokens 0', output: 'blank' },
  'content-filter': { does: 'half the output, finish_reason content_filter', output: 'filtered' },
}

/** A behaviour chosen by a model id. `amount` is its parameter, or what is usual; 0 where there is none. */
export type Script = { name: string; behaviour: Behaviour; amount: number }

const resolved = new Map<string, Script>()

/** Reads `scripted-<behaviour>[-<number>]`; null for any other model, which the dialect answers as unknown. */
export function scriptOf(model: string): Script | null {
  const known = resolved.get(model)
  if (known) return known
  const script = parseModel(model)
  // Only parameters make the set of names large; past this it is cheaper to parse again.
  if (script && resolved.size < 1_000) resolved.set(model, script)
  return script
}

function parseModel(model: string): Script | null {
  const parts = /^scripted-([a-z0-9-]+)$/.exec(model)
  const name = parts?.[1] ?? ''
  // Names may themselves end in a number (error-500), so the whole name is looked up first.
  if (Object.hasOwn(behaviours, name)) return scriptNamed(name, null)
  const withAmount = /^([a-z0-9-]+)-(\d{1,8})$/.exec(name)
  if (!withAmount?.[1]) return null
  return scriptNamed(withAmount[1], Number(withAmount[2]))
}

function scriptNamed(name: string, amount: number | null): Script | null {
  const behaviour = Object.hasOwn(behaviours, name) ? behaviours[name] : undefined
  if (!behaviour || (amount !== null && !takes(behaviour, amount))) return null
  return { name, behaviour, amount: amount ?? behaviour.parameter?.usual ?? 0 }
}

function takes({ parameter }: Behaviour, amount: number): boolean {
  return parameter !== undefined && (parameter.among === undefined || parameter.among.includes(amount))
}

export function listModels(): string[] {
  return Object.keys(behaviours).map((name) => `scripted-${name}`)
}
