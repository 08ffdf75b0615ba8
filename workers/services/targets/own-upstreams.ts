import type { Db } from '#db/client.ts'
import { listCliproxyAddresses } from '#db/queries/list-cliproxy-addresses.ts'

/** CLIProxyAPIs of ours, which no address of a customer's may reach. */
export interface OwnUpstreams {
  hosts: string[]
  /** Whether a URL, as its parser writes it, is below one of them. An origin that an operator lets through is checked by no host, and may be one of theirs. */
  have(href: string): boolean
}

export async function readOwnUpstreams(db: Db): Promise<OwnUpstreams> {
  const ours = (await listCliproxyAddresses(db)).map((address) => new URL(address))
  return {
    hosts: ours.map(({ hostname }) => hostname),
    have: (href) => ours.some((own) => `${href}/`.startsWith(own.href.replace(/\/?$/, '/'))),
  }
}
