import { isWithin, type Network, parseAddress, parseNetwork } from '#shared/values/ip-address.ts'

/** True for an address that anyone on the internet can reach; false for one of special purpose and for what is no address. */
export function isPublicAddress(address: string): boolean {
  const parsed = parseAddress(address)
  if (!parsed) return false
  const isGlobal = parsed.bits === 32 || isWithin(parsed, globalUnicast)
  return isGlobal && !special.some((range) => isWithin(parsed, range))
}

function readRange(text: string): Network {
  const network = parseNetwork(text)
  if (!network) throw new Error(`${text} is no range of addresses`)
  return network
}

/**
 * All that IANA assigns as IPv6 unicast. Outside of it are the unspecified and loopback addresses, mapped and compatible IPv4, NAT64,
 * discard-only, segment routing, unique local, link-local, site-local and multicast.
 */
const globalUnicast = readRange('2000::/3')

/** IANA's special-purpose address registries for IPv4 and IPv6, also what in them is globally reachable: none of it is a customer's host. */
const special = [
  '0.0.0.0/8', // this network
  '10.0.0.0/8', // private
  '100.64.0.0/10', // shared by a carrier's customers; Alibaba's metadata
  '127.0.0.0/8', // loopback
  '168.63.129.16/32', // Azure's wire server: public by its number, answered inside
  '169.254.0.0/16', // link-local; the metadata of most clouds
  '172.16.0.0/12', // private
  '192.0.0.0/24', // protocol assignments; Oracle's metadata
  '192.0.2.0/24', // documentation
  '192.31.196.0/24', // AS112
  '192.52.193.0/24', // multicast tunnels
  '192.88.99.0/24', // 6to4 relays
  '192.168.0.0/16', // private
  '192.175.48.0/24', // AS112
  '198.18.0.0/15', // benchmarks
  '198.51.100.0/24', // documentation
  '203.0.113.0/24', // documentation
  '224.0.0.0/4', // multicast
  '240.0.0.0/4', // reserved, and broadcast
  '2001::/23', // protocol assignments: Teredo, benchmarks, ORCHID, DRIP
  '2001:db8::/32', // documentation
  '2002::/16', // 6to4: an IPv4 address inside
  '2620:4f:8000::/48', // AS112
  '3fff::/20', // documentation
].map(readRange)
