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

/** Crons of this Worker as wrangler.toml names them, with what each is for. */
export const partitionsCron = '17 3 * * *'
export const reconciliationCron = '41 * * * *'

/** Customers compared in one statement. Records have no index by customer, so each page reads them all: few large pages cost least. */
export const customersPerPage = 1_000

/** After this long a run begins no further page; a cron's invocation may last 15 minutes. */
export const reconciliationBudgetMs = 300_000

/** After this many calls of objects a run begins no further page: an invocation has 10,000 subrequests, and a page's calls come twice at most. */
export const auditsPerRun = 3_500

/** Passes in which the object of every customer is called once, however idle it looks: a day of hourly runs. */
export const auditTurns = 24

/** Calls of objects at once: an invocation has six connections that wait for an answer. */
export const auditsAtOnce = 6

/** Objects whose claims are kept in memory, and compared with Postgres by one statement: each may name 2,000 of them. */
export const auditsTogether = 50

/** How long one object may take to answer, in milliseconds; afterwards it counts as unreachable. */
export const auditTimeoutMs = 5_000

/** What looks wrong is looked at again after this wait, in milliseconds: longer than a settlement takes from the object to Postgres and back. */
export const secondLookAfterMs = 5_000

/** How long after its lease a hold, or after its settlement an event, may stand open: several alarms, resends and deliveries fit in it. */
export const openTooLongMs = 600_000

/** Requests named in a page of customers whose entries and records differ: more are one fault, not many. */
export const differingRequestsMost = 1_000

/** Data points of metrics for single findings in a run: an invocation may write 250. The table has all. */
export const findingPointsMost = 200
