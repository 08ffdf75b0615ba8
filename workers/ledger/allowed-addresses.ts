import { asIpv4, isWithin, type Network, parseAddress, parseNetwork } from '#shared/values/ip-address.ts'

/** The lists of the snapshot in memory, each read at its first use: a list goes with its snapshot. */
const known = new WeakMap<readonly string[], Network[]>()

/** Whether a client at this address may use a key with such a list. An address that cannot be read is none of them, and an entry that cannot allows none. */
export function isAllowedAddress(allowedIps: readonly string[], clientIp: string): boolean {
  const address = parseAddress(clientIp)
  if (!address) return false
  let networks = known.get(allowedIps)
  if (!networks) {
    networks = allowedIps.flatMap((text) => parseNetwork(text) ?? []).map(asIpv4)
    known.set(allowedIps, networks)
  }
  const client = asIpv4(address)
  return networks.some((network) => isWithin(client, network))
}
