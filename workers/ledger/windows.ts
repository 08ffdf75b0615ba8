import type { Limits } from '#shared/contracts/account.ts'
import type { LimitState } from '#shared/contracts/ledger.ts'

const minuteSeconds = 60
const dayMs = 86_400_000

/**
 * Requests and tokens of one organization or key: by second for the sliding minute, and in total for the running UTC day. A second counts
 * until its last moment is a minute old, so no span of 60 seconds ever holds more than the limit.
 */
export interface Window {
  seconds: { second: number; requests: number; tokens: number }[]
  day: number
  dayRequests: number
}

/** A window on disk: day, its requests, the last second, and each second that counts as its distance to that one, requests and tokens. */
export type PackedWindow = [day: number, dayRequests: number, newest: number, ...seconds: [age: number, requests: number, tokens: number][]]

/** What of a window still counts; null when nothing does. */
export function packWindow({ seconds, day, dayRequests }: Window, nowMs: number): PackedWindow | null {
  const counting = seconds.filter(({ second }) => isInMinute(second, nowMs))
  const newest = counting.at(-1)?.second ?? 0
  if (newest === 0 && day !== Math.floor(nowMs / dayMs)) return null
  return [day, dayRequests, newest, ...counting.map((slot): [number, number, number] => [newest - slot.second, slot.requests, slot.tokens])]
}

export function unpackWindow([day, dayRequests, newest, ...seconds]: PackedWindow): Window {
  return { day, dayRequests, seconds: seconds.map(([age, requests, tokens]) => ({ second: newest - age, requests, tokens })) }
}

export type WindowReason = 'requests_per_minute' | 'tokens_per_minute' | 'requests_per_day'

export function emptyWindow(): Window {
  return { seconds: [], day: 0, dayRequests: 0 }
}

export function isCounted(limits: Limits): boolean {
  return limits.requestsPerMinute !== undefined || limits.tokensPerMinute !== undefined || limits.requestsPerDay !== undefined
}

/** The first limit that one more request with so many tokens would break, and how long to wait; null when it fits. */
export function brokenLimit(
  window: Window,
  limits: Limits,
  tokens: number,
  nowMs: number,
): { reason: WindowReason; retryAfterMs: number | null } | null {
  const used = usedNow(window, nowMs)
  const { requestsPerMinute, tokensPerMinute, requestsPerDay } = limits
  if (requestsPerDay !== undefined && used.dayRequests + 1 > requestsPerDay) {
    return { reason: 'requests_per_day', retryAfterMs: requestsPerDay === 0 ? null : dayMs - (nowMs % dayMs) }
  }
  if (requestsPerMinute !== undefined && used.requests + 1 > requestsPerMinute) {
    const excess = used.requests + 1 - requestsPerMinute
    return { reason: 'requests_per_minute', retryAfterMs: waitFor(window, 'requests', excess, nowMs) }
  }
  if (tokensPerMinute !== undefined && used.tokens + tokens > tokensPerMinute) {
    const excess = used.tokens + tokens - tokensPerMinute
    return { reason: 'tokens_per_minute', retryAfterMs: tokens > tokensPerMinute ? null : waitFor(window, 'tokens', excess, nowMs) }
  }
  return null
}

/** Counts an admitted request. */
export function countRequest(window: Window, tokens: number, nowMs: number): void {
  const second = Math.floor(nowMs / 1_000)
  const last = window.seconds.at(-1)
  if (last && last.second >= second) {
    last.requests += 1
    last.tokens += tokens
  } else {
    window.seconds = window.seconds.filter((slot) => isInMinute(slot.second, nowMs))
    window.seconds.push({ second, requests: 1, tokens })
  }
  const day = Math.floor(nowMs / dayMs)
  if (window.day !== day) {
    window.day = day
    window.dayRequests = 0
  }
  window.dayRequests += 1
}

/**
 * Replaces the tokens reserved at admission by those really used, as long as that second still counts. A second that an eviction forgot is
 * left alone: another one holds other requests' tokens.
 */
export function correctTokens(window: Window, admittedAtMs: number, differenceTokens: number): void {
  const second = Math.floor(admittedAtMs / 1_000)
  const slot = window.seconds.findLast((candidate) => candidate.second === second)
  if (slot) slot.tokens = Math.max(0, slot.tokens + differenceTokens)
}

/** What is left of each limit. */
export function limitStates(
  window: Window,
  limits: Limits,
  nowMs: number,
): { requestsPerMinute: LimitState | null; tokensPerMinute: LimitState | null; requestsPerDay: LimitState | null } {
  const used = usedNow(window, nowMs)
  const newest = window.seconds.at(-1)
  const minuteResetMs = newest && isInMinute(newest.second, nowMs) ? leavesInMs(newest.second, nowMs) : 0
  return {
    requestsPerMinute: stateOf(limits.requestsPerMinute, used.requests, minuteResetMs),
    tokensPerMinute: stateOf(limits.tokensPerMinute, used.tokens, minuteResetMs),
    requestsPerDay: stateOf(limits.requestsPerDay, used.dayRequests, used.dayRequests === 0 ? 0 : dayMs - (nowMs % dayMs)),
  }
}

function stateOf(limit: number | undefined, used: number, resetMs: number): LimitState | null {
  return limit === undefined ? null : { limit, remaining: Math.max(0, limit - used), resetMs }
}

function usedNow(window: Window, nowMs: number): { requests: number; tokens: number; dayRequests: number } {
  let requests = 0
  let tokens = 0
  for (const slot of window.seconds) {
    if (!isInMinute(slot.second, nowMs)) continue
    requests += slot.requests
    tokens += slot.tokens
  }
  return { requests, tokens, dayRequests: window.day === Math.floor(nowMs / dayMs) ? window.dayRequests : 0 }
}

/** Milliseconds until seconds that hold `excess` have left the minute; null when they never held that much. */
function waitFor(window: Window, what: 'requests' | 'tokens', excess: number, nowMs: number): number | null {
  let freed = 0
  for (const slot of window.seconds) {
    if (!isInMinute(slot.second, nowMs)) continue
    freed += slot[what]
    if (freed >= excess) return leavesInMs(slot.second, nowMs)
  }
  return null
}

function isInMinute(second: number, nowMs: number): boolean {
  return leavesInMs(second, nowMs) > 0
}

function leavesInMs(second: number, nowMs: number): number {
  return (second + 1 + minuteSeconds) * 1_000 - nowMs
}
