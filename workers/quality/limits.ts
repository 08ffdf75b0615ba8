/** Every cap and interval of the checks, with its unit and reason. */

/** Upstreams whose catalogues are read at once, and routes probed at once: an invocation has six connections that wait for an answer. */
export const cataloguesAtOnce = 4
export const probesAtOnce = 4

/** How long an upstream may take to list its models, in milliseconds; it keeps the list in memory. */
export const catalogueTimeoutMs = 10_000

/** Largest list of models that is read, in bytes: some three thousand models. */
export const catalogueBytes = 1_000_000

/** How long a probe may take, in milliseconds: a model that thinks before its one token takes several seconds. */
export const probeTimeoutMs = 20_000

/** Largest answer of a probe that is read, in bytes: one token in its envelope takes less than two thousand. */
export const probeBytes = 65_536

/** A route that is well is probed again after this long, in milliseconds, because probes cost money. One that is not is probed in every run. */
export const probeAgainMs = 570_000

/** Probes in one run, those that have waited longest first: at their slowest they end before the next run begins. */
export const probesPerRun = 20

/** Checks in a row that must fail before a route is down for something that may pass by itself. */
export const failuresUntilDown = 2
