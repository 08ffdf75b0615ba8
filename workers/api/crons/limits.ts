/** Crons of this Worker as wrangler.toml names them, with what each is for. */
export const minuteCron = '* * * * *'
export const alertsCron = '*/5 * * * *'
export const summariesCron = '27 1 * * *'
export const cleanUpCron = '23 4 * * *'
export const paymentsCron = '11 5 * * *'

/** Customers whose push is taken at once, and calls of objects at once: an invocation has six connections that wait for an answer. */
export const pushesTogether = 60
export const pushesAtOnce = 6

/** After this long a run takes no further pushes, in milliseconds: the next one begins a minute after it. */
export const pushesBudgetMs = 45_000

/** How long after its time usage may be recorded and still raise an alert or limit of the day or month before, in milliseconds. */
export const lateUsageMs = 3_600_000

/** Days whose usage is told if no run has told it yet: crons may fail for a weekend. */
export const summarizedDays = 3

/** Balance events whose mails are put into the outbox by one statement. */
export const balanceEventsTogether = 200

/**
 * How long after its end promotional credit is taken back, in milliseconds: what was spent before is in the books by then, where no request ran for longer.
 */
export const grantGraceMs = 600_000

/** Customers of whom promotional credit is taken back by one batch. */
export const organizationsTogether = 100

/** After this long a run takes back no more, in milliseconds: the next one begins five minutes after it. */
export const expiryBudgetMs = 120_000

/** Mails that are handed to the queue before they are taken out of the outbox. */
export const mailsTogether = 50

/** When a mail that was taken from the outbox, and not taken out of it, is queued again, in milliseconds: longer than a run lasts. */
export const queuePatienceMs = 600_000

/** Rows that one statement deletes: few enough to lock for a moment only. */
export const rowsTogether = 2_000

/** After this long a run deletes nothing more, in milliseconds; a cron's invocation may last 15 minutes. */
export const cleanUpBudgetMs = 300_000
