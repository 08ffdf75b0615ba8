import type { KeyOwner } from './customer-keys.ts'
import type { Exchange } from './exchange.ts'

/** One provider's API. Everything under `prefix` belongs to it; `path` comes without the prefix. */
export type Dialect = {
  prefix: string
  /** Headers, in lower case, that this provider takes and any other must never see, such as the one its key stands in. */
  ownHeaders?: readonly string[]
  /** Query strings this provider takes, such as `alt=sse`; any other is a leak. */
  ownQueries?: readonly (string | RegExp)[]
  /** Whose keys alone may come here, where it is not both; any other is a leak. */
  keysOf?: KeyOwner
  /** `key` is the platform's; of others, the exchange judges. */
  answer(exchange: Exchange, path: string, key: string): Promise<void>
  refuseLeaks(exchange: Exchange, leaks: readonly string[]): void
  /** The scripted upstream itself failed: a defect here, answered as a server error. */
  reportFault(exchange: Exchange): void
}
