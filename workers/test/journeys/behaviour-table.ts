/** What a customer pays: what the upstream reported, an estimate of what was delivered, or nothing. */
export type Charge = 'reported' | 'estimated' | 'zero'

export interface Expectation {
  behaviour: string
  status: number
  /** Of the error envelope, for a status that is not 200. */
  code?: string
  charge: Charge
  /** How a stream ends: as the upstream ended it, or in-band with an error and without `[DONE]`. */
  ending?: 'untouched' | 'error'
  text?: string
}

const untouched = (charge: Charge, behaviours: string[]): Expectation[] =>
  behaviours.map((behaviour) => ({ behaviour, status: 200, charge, ending: 'untouched' }))

const refused = (status: number, code: string, behaviours: string[]): Expectation[] =>
  behaviours.map((behaviour) => ({ behaviour, status, code, charge: 'zero' }))

/** Counts that nobody can mean: a relay that believed them would bill a fortune or owe one. */
const unbelievable = ['absurd-usage', 'negative-usage', 'text-usage', 'empty-text-usage', 'fraction-usage', 'overflow-usage']

const failures = [
  ...refused(429, 'upstream_rate_limited', ['rate-limited-1', 'rate-limited-forever']),
  ...refused(502, 'upstream_error', ['error-500', 'error-401', 'error-403', 'html', 'json-error-200', 'empty-stream', 'error-first']),
  ...refused(503, 'upstream_unavailable', ['error-503', 'break-before-headers', 'refuse', 'flaky']),
  ...refused(400, 'upstream_refused', ['error-400']),
]

/** Each scripted behaviour met by a stream: WIRE.md "What a customer is charged", ASSURANCE.md "Streams and upstreams". */
export const streams: Expectation[] = [
  ...untouched('reported', ['fast', 'burst', 'paced-5', 'slow-first-300', 'unicode', 'split-7', 'content-filter', 'blank']),
  ...untouched('reported', [
    'crlf',
    'cr',
    'bom',
    'comments',
    'no-last-newline',
    'malformed-sse',
    'bytes-after-done',
    'huge-event',
    'gzip-bomb-1',
    'gzip-bomb',
  ]),
  ...untouched('reported', ['usage-twice', 'usage-in-choices']),
  ...untouched('estimated', [...unbelievable, 'no-usage', 'nan-usage', 'null-usage']),
  ...untouched('zero', ['zero-usage']),
  { behaviour: 'break', status: 200, charge: 'estimated', ending: 'error' },
  { behaviour: 'break-1', status: 200, charge: 'estimated', ending: 'error' },
  { behaviour: 'error-mid', status: 200, charge: 'estimated', ending: 'error' },
  ...failures,
]

/** Each scripted behaviour met by a request that is not streamed. */
export const bodies: Expectation[] = [
  ...untouched('reported', ['fast', 'burst', 'paced-5', 'slow-first-300', 'unicode', 'split-7', 'content-filter', 'blank', 'bom']),
  ...untouched('reported', ['usage-twice', 'usage-in-choices', 'huge-event', 'gzip-bomb-1']),
  ...untouched('estimated', [...unbelievable, 'no-usage', 'null-usage']),
  ...untouched('zero', ['zero-usage']),
  ...refused(502, 'upstream_error', ['break', 'nan-usage', 'malformed-sse', 'bytes-after-done', 'error-mid', 'gzip-bomb']),
  ...failures,
]
