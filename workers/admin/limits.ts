/** Largest body, in bytes: the longest lists of models a key may carry fit in it, and nothing else comes near. */
export const maxBodyBytes = 64 * 1024

/** Largest import of a catalogue, in bytes: a thousand models with three routes each. */
export const maxCatalogueBytes = 2 * 1024 * 1024

/** Difference between our clock and Cloudflare's that a token's times may show, in seconds. */
export const clockToleranceSeconds = 5

/** How long to wait for the signing keys of Access, in milliseconds, before answering 503. */
export const accessKeysTimeoutMs = 5_000

/** How long to wait for the ledger object when only showing what it sees, in milliseconds; afterwards it counts as unreachable. */
export const ledgerViewTimeoutMs = 3_000

/** Days a usage report covers when no period is named. */
export const usageDefaultDays = 30

/** Longest period of one usage report, in days: a year and a day of one row per model stays one modest answer. */
export const usageMaxDays = 366

/** Customers on one page of the list. */
export const customersPerPage = 500

/** Runs of the reconciliation in one answer: a day of hourly ones. */
export const reconciliationRuns = 24

/** Findings listed of each run: a fault shows in the first, and all stay in the table. */
export const findingsPerRun = 100

/** Balance events, parked events, events of Stripe or findings about payments in one answer. */
export const eventsPerPage = 100

/** Promotional codes, or grants of one customer, on one page of their list. */
export const promotionsPerPage = 100

/** Secrets on one page of a rotation: with two questions to KMS and one to Postgres for each, far below what a Worker may ask in one request. */
export const secretsPerPage = 50

/** How long one page of a rotation may take, in milliseconds: with one slow secret more it stays below what the operator's command waits. */
export const rotationPageMs = 10_000

/** Entries of the audit log on one page of an export: what one request may change fits in a few kilobytes, and so a page in a few megabytes. */
export const auditEntriesPerPage = 200
