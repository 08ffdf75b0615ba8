import type { Charge, Expectation } from './behaviour-table.ts'

/** How Gemini answers: one body, server-sent events, or one array that is written element by element. */
export type Shape = 'body' | 'events' | 'array'

const untouched = (charge: Charge, behaviours: string[]): Expectation[] =>
  behaviours.map((behaviour) => ({ behaviour, status: 200, charge, ending: 'untouched' }))

const refused = (status: number, code: string, behaviours: string[]): Expectation[] =>
  behaviours.map((behaviour) => ({ behaviour, status, code, charge: 'zero' }))

const unbelievable = ['absurd-usage', 'negative-usage', 'text-usage', 'empty-text-usage', 'fraction-usage', 'overflow-usage']

const everywhere = [
  ...untouched('reported', ['fast', 'burst', 'paced-5', 'slow-first-300', 'unicode', 'split-7', 'content-filter', 'blank', 'bom']),
  ...untouched('reported', ['usage-twice', 'usage-in-choices', 'huge-event', 'gzip-bomb-1']),
  ...untouched('estimated', [...unbelievable, 'no-usage', 'null-usage']),
  ...untouched('zero', ['zero-usage']),
  ...refused(429, 'upstream_rate_limited', ['rate-limited-1', 'rate-limited-forever']),
  ...refused(502, 'upstream_error', ['error-500', 'error-401', 'error-403', 'html', 'json-error-200', 'empty-stream', 'error-first']),
  ...refused(503, 'upstream_unavailable', ['error-503', 'break-before-headers', 'refuse', 'flaky']),
  ...refused(400, 'upstream_refused', ['error-400']),
]

/** What broke off is charged by the last report before it: each chunk of Gemini's tells the usage so far. */
const streamed = [
  ...everywhere,
  ...untouched('reported', ['crlf', 'cr', 'comments', 'no-last-newline', 'bytes-after-done']),
  // Not one of its chunks is JSON, so a client has got nothing.
  ...untouched('zero', ['nan-usage']),
  ...['break', 'break-1', 'error-mid'].map((behaviour): Expectation => ({ behaviour, status: 200, charge: 'reported', ending: 'error' })),
]

/** Each scripted behaviour met by a Gemini request of each shape. A broken chunk in an array breaks all that follows, so only events survive one. */
export const expectations: Record<Shape, Expectation[]> = {
  body: [...everywhere, ...refused(502, 'upstream_error', ['break', 'nan-usage', 'malformed-sse', 'bytes-after-done', 'error-mid'])],
  events: [...streamed, ...untouched('reported', ['malformed-sse'])],
  array: streamed,
}
