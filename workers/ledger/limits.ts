/** Every cap and interval of the ledger object that a platform does not choose (see env.ts), with its unit and reason. */

/** A hold this large is written before it is admitted; together with the flush interval it bounds what a lost machine can forget. */
export const durableAtOnceNanos = 100_000_000

/** An account read longer ago than this is still used, and asked to be read again outside the response path. */
export const snapshotFreshMs = 60_000

/** One request in this time is asked to read a stale account again; more would storm a database that has just come back. */
export const refreshAskedMs = 2_000

/** Settled events wait this long for company before they go to the queue. */
export const dispatchDelayMs = 1_000

/** Settled events in one row, in bytes: SQLite takes 2 MB, and a row is rewritten whole. */
export const rowBytes = 100_000

/** Events in one queue message before compression, and the size it may have after: the platform takes 128 KB. */
export const messageEvents = 500
export const messageBytes = 120_000

/** Events that wait for Postgres in memory, about 1 kB each of an object's 128 MB; beyond it nothing is admitted. */
export const unconfirmedMost = 40_000

/** A client that meets this backlog is told to wait this long. */
export const backlogRetryMs = 5_000

/** How long an expired lease waits for the truth about its request. */
export const expiredKeptMs = 3_600_000

/** Results of settled requests kept in memory to answer a repeated settle with the first result. */
export const settledKept = 10_000

/** Rate windows are written at most this often: a lost machine forgets at most these counts, never money. */
export const windowsWriteMs = 5_000

/** How long an idempotency key is taken after its request has ended: a client's retries, and those of the job around it, come within a day. */
export const idempotencyKeptMs = 86_400_000

/** Keys of ended requests that are remembered, about 400 bytes of memory and of disk each; the oldest leave first. */
export const idempotencyKeysKept = 20_000

/** A client told to wait for running requests to end is told to wait this long. */
export const inFlightRetryMs = 1_000

/** Bytes of a fact (account, windows); SQLite takes 2 MB. A larger one is not kept: the next life reads the account anew. */
export const factBytes = 1_900_000

/** Holds and unconfirmed events that one audit names; its sums are always whole. */
export const auditedMost = 1_000
