/** Crons of this Worker as wrangler.toml names them: what was left behind, and what has served its time. */
export const deliveriesCron = '* * * * *'
export const cleanUpCron = '53 4 * * *'

/** Events that one statement hands to endpoints, and statements of one run: what is left then waits for the next. */
export const eventsTogether = 500
export const fanOutRounds = 20

/** Deliverers that one invocation begins, and how many calls wait at once: the platform allows 32 Workers for one request, and six connections. */
export const beginsTogether = 30
export const beginsAtOnce = 6

/** Endpoints that a run looks at; those it may not begin itself are handed on by a nudge. */
export const endpointsListed = 500

/** First wait before nudges come again that Postgres was not there for, in seconds. The cron does not wait for them. */
export const nudgeRetrySeconds = 5

/** One attempt, from the first byte sent to the last one read, in milliseconds. */
export const attemptMs = 15_000

/**
 * How long a run begins further attempts, in milliseconds. The platform ends it 30 s after it was begun: the last attempt may have to resolve its host (3 s)
 * and wait for its answer (`attemptMs`), and is then written down.
 */
export const startsForMs = 8_000

/** How long an endpoint is one Worker's alone, in milliseconds: longer than a run may last, so that only who died lets it run out. */
export const leaseMs = 40_000

/** Deliveries that a run takes at once, and attempts under way at an endpoint: with their questions to DNS within the six connections of an invocation. */
export const deliveriesTogether = 20
export const attemptsAtOnce = 4

/** Bytes of an answer that are read, and characters of it that are kept. */
export const answerBytes = 1_024
export const answerLength = 512

/** Waits after each failed attempt, in milliseconds: the schedule of Standard Webhooks 1.0. There is one attempt more than there are waits. */
export const retryDelaysMs = [5, 300, 1_800, 7_200, 18_000, 36_000, 50_400, 72_000, 86_400].map((seconds) => seconds * 1_000)

/** By how much a wait is prolonged at most, as a part of it, so that what failed together does not return together. */
export const jitter = 0.1

/** Longest wait that an answer may ask for by Retry-After, in milliseconds. */
export const longestRetryAfterMs = 86_400_000

/** What is due sooner than this is nudged for at its time; the cron looks for the rest, once a minute. In milliseconds. */
export const nudgeAheadMs = 60_000

/** How long an endpoint rests when its signing secret cannot be opened, in milliseconds. */
export const unsignedRestMs = 60_000

/** After failing for so long an endpoint is paused, in milliseconds: longer than the schedule, so that no single event can do it. */
export const failingMs = 5 * 86_400_000

/** How long deliveries are kept after their end, and rows that one statement deletes. */
export const keptDays = 30
export const rowsTogether = 2_000

/** After this long a run deletes nothing more, in milliseconds; a cron's invocation may last 15 minutes. */
export const cleanUpBudgetMs = 300_000
