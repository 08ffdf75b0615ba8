/** Largest event of Stripe's, in bytes. Stripe names no bound; the largest that are known, invoices with hundreds of lines, have some hundred kilobytes. */
export const maxStripeEventBytes = 512 * 1024

/** How old a signature may be, in seconds: Stripe's own advice. A stored event is known by its id however often it comes. */
export const signatureToleranceSeconds = 300

/** Events settled at once: each waits for one connection, of the six that an invocation has. */
export const eventsAtOnce = 4

/** How long the queue waits before it brings an event again that could not be settled, in seconds. */
export const eventRetrySeconds = 20

/** Overdue events, and pending top-ups, that one run of the cron looks at. */
export const dueEventsTogether = 100
export const pendingTogether = 100

/** After this long a run of the minute cron begins nothing new, in milliseconds: the next one begins a minute after it. */
export const sweepBudgetMs = 45_000

/** A top-up that has no session at Stripe by now gets none, in milliseconds: whoever asked for it heard of a failure. */
export const unbegunMs = 25 * 3_600_000

/** How far back Stripe's lists are compared every day, in milliseconds: three days without any event, and the day itself. */
export const reconciledMs = 4 * 86_400_000

/** After this long the comparison ends, in milliseconds; a cron's invocation may last 15 minutes. */
export const reconcileBudgetMs = 600_000

/** How long a refund may still fail and a dispute be won, in days. */
export const returnDays = { refund: 40, dispute: 180 } as const
