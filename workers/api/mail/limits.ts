/** First wait before a mail is tried again, in seconds; doubles with every attempt. */
export const firstRetrySeconds = 30

/** Longest wait, in seconds. With the queue's twelve retries (wrangler.toml) a mail is tried for some five hours; then it is parked. */
export const longestRetrySeconds = 3_600
