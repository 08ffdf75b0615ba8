import type { Exchange } from './exchange.ts'

/** One provider's API. Everything under `prefix` belongs to it; `path` comes without the prefix. */
export type Dialect = {
  prefix: string
  answer(exchange: Exchange, path: string, key: string): Promise<void>
  refuseLeaks(exchange: Exchange, leaks: readonly string[]): void
  /** The scripted upstream itself failed: a defect here, answered as a server error. */
  reportFault(exchange: Exchange): void
}
