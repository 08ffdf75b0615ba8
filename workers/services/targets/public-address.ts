/** True for an address that anyone on the internet can reach; false for one of special purpose and for what is no address. */
export function isPublicAddress(address: string): boolean {
  const parsed = parseAddress(address)
  if (!parsed) return false
  const isGlobal = parsed.bits === 32 || isWithin(parsed, globalUnicast)
  return isGlobal && !special.some((range) => isWithin(parsed, range))
}

type Address = { bits: 32 | 128; value: bigint }
type Range = Address & { prefixBits: number }

function isWithin(address: Address, range: Range): boolean {
  const shift = BigInt(range.bits - range.prefixBits)
  return address.bits === range.bits && address.value >> shift === range.value >> shift
}

function parseAddress(text: string): Address | null {
  const value = text.includes(':') ? parseIpv6(text) : parseIpv4(text)
  return value === null ? null : { bits: text.includes(':') ? 128 : 32, value }
}

/** Four decimal numbers; one that begins with 0 is refused, because some read it as octal. */
function parseIpv4(text: string): bigint | null {
  const parts = text.split('.')
  if (parts.length !== 4 || !parts.every((part) => /^(?:0|[1-9]\d{0,2})$/.test(part) && Number(part) < 256)) return null
  return parts.reduce((value, part) => (value << 8n) | BigInt(part), 0n)
}

/** The forms of RFC 4291, section 2.2, without a zone. */
function parseIpv6(text: string): bigint | null {
  const tail = /(?<=:)[\d.]*\.[\d.]*$/.exec(text)?.[0]
  const ipv4 = tail === undefined ? 0n : parseIpv4(tail)
  if (ipv4 === null) return null
  const groupsText = tail === undefined ? text : text.replace(tail, `${(ipv4 >> 16n).toString(16)}:${(ipv4 & 0xffffn).toString(16)}`)
  const halves = groupsText.split('::').map((half) => (half === '' ? [] : half.split(':')))
  const [head = [], rest = []] = halves
  const missing = 8 - head.length - rest.length
  if (halves.length > 2 || (halves.length === 2 ? missing < 1 : missing !== 0)) return null
  const groups = [...head, ...Array.from({ length: missing }, () => '0'), ...rest]
  if (!groups.every((group) => /^[0-9a-f]{1,4}$/i.test(group))) return null
  return groups.reduce((value, group) => (value << 16n) | BigInt(`0x${group}`), 0n)
}

function readRange(text: string): Range {
  const [address = '', prefix] = text.split('/')
  const parsed = parseAddress(address)
  if (!parsed) throw new Error(`${text} is no range of addresses`)
  return { ...parsed, prefixBits: Number(prefix) }
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
