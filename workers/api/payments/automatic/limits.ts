const hourMs = 3_600_000

/** How long after each failure in a row the next automatic top-up is tried, in milliseconds; the one after the last turns it off. */
export const retryDelaysMs = [hourMs, 6 * hourMs, 24 * hourMs] as const

/** Customers that one run tops up, and unanswered payments that it asks about. */
export const topUpsTogether = 200

/** Payments asked for at once: an invocation has six connections that wait for an answer, and pushes to the ledger run beside. */
export const topUpsAtOnce = 3

/** After this long a run begins no further payment, in milliseconds: the next one begins a minute after it. */
export const topUpsBudgetMs = 45_000

/** So long a payment of unknown fate is asked for again under its key, in milliseconds: Stripe forgets keys after 24 hours, and would charge again. */
export const sameKeyMs = 23 * hourMs

/** After this long Stripe's list of payments is believed to have all that ever reached it, in milliseconds. */
export const listedMs = 10 * 60_000
