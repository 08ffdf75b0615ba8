/** Every cap and interval of the ledger object, with its unit and reason. */

/** Settlements and new holds wait this long for company, so that one commit makes many of them durable. */
export const flushIntervalMs = 50

/** A hold this large is written before it is admitted; together with the flush interval it bounds what a lost machine can forget. */
export const durableAtOnceNanos = 100_000_000

/** An account read longer ago than this is still used, and asked to be read again outside the response path. */
export const snapshotFreshMs = 60_000

/** An account read longer ago than this is used no more: the bound on how long the relay goes on without Postgres. */
export const snapshotUsableMs = 600_000

/** Settled events wait this long for company before they go to the queue. */
export const dispatchDelayMs = 1_000

/** A queue message may have 128 KB; an outbox row is one message. */
export const messageBytes = 100_000

/** An event not confirmed for this long is sent again; Postgres drops what it has seen. */
export const resendAfterMs = 60_000

/** How long an expired lease waits for the truth about its request. */
export const expiredKeptMs = 3_600_000

/** Results of settled requests kept in memory to answer a repeated settle with the first result. */
export const settledKept = 10_000

/** Rate windows are written at most this often: an eviction between two writes forgets at most these counts, never money. */
export const windowsWriteMs = 5_000

/** A client told to wait for running requests to end is told to wait this long. */
export const inFlightRetryMs = 1_000

/** Holds and unconfirmed events that one audit names; its sums are always whole. */
export const auditedMost = 1_000
