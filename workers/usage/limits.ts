/** First wait before a message is delivered again, in seconds; doubles with every attempt. */
export const retryDelaySeconds = 2

/** Longest wait, in seconds: after an outage of Postgres the backlog moves within a minute. */
export const maxRetryDelaySeconds = 60

/** How far around now, in months, a missing partition is made: an event from another time is wrong, not late. */
export const partitionWindowMonths = 2

/** Months, this one included, whose partitions are kept ready: a cron may fail for weeks before a month begins without one. */
export const readyMonths = 3

/** Longest id, in characters, that is believed of an event that does not parse. */
export const maxBrokenIdLength = 128
