import { jitter, longestRetryAfterMs, retryDelaysMs } from './limits.ts'

/**
 * When a delivery is tried again after its attempt of this number (from one) failed, in milliseconds from now; null when that was the last one. What the endpoint
 * asked for makes the wait longer, never shorter. `random` is from 0 up to 1.
 */
export function retryAfterMs(attempt: number, askedMs: number | null, random: number): number | null {
  const delayMs = retryDelaysMs[attempt - 1]
  if (delayMs === undefined) return null
  return Math.max(Math.round(delayMs * (1 + jitter * random)), Math.min(askedMs ?? 0, longestRetryAfterMs))
}

/** The wait that a header Retry-After asks for, by seconds or a date (RFC 9110, 10.2.3), in milliseconds; null when it asks for none. */
export function askedWaitMs(header: string | null, nowMs: number): number | null {
  if (header === null) return null
  if (/^\d+$/.test(header)) return Number(header) * 1_000
  // A date names its day; what else the parser would take, such as a negative number, is no date.
  const atMs = /^[A-Z][a-z]+,? /.test(header) ? Date.parse(header) : Number.NaN
  return Number.isNaN(atMs) ? null : Math.max(0, atMs - nowMs)
}
