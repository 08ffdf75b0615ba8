/** An IPv4 or IPv6 address as a number. */
export type Address = { bits: 32 | 128; value: bigint }

/** All addresses whose first `prefixBits` bits are those of this one. */
export type Network = Address & { prefixBits: number }

/** Reads an address; null for what is none. */
export function parseAddress(text: string): Address | null {
  const value = text.includes(':') ? parseIpv6(text) : parseIpv4(text)
  return value === null ? null : { bits: text.includes(':') ? 128 : 32, value }
}

/**
 * Reads a network in the notation of CIDR (RFC 4632), or an address, which is a network of one. Null for what is neither: a network whose address has
 * bits behind its prefix as well, because what was meant by it is a guess.
 */
export function parseNetwork(text: string): Network | null {
  const [addressText = '', prefixText, ...more] = text.split('/')
  const address = parseAddress(addressText)
  if (!address || more.length > 0) return null
  if (prefixText === undefined) return { ...address, prefixBits: address.bits }
  const prefixBits = /^(?:0|[1-9]\d{0,2})$/.test(prefixText) ? Number(prefixText) : Number.NaN
  if (!(prefixBits <= address.bits)) return null
  const isWhole = address.value % (1n << BigInt(address.bits - prefixBits)) === 0n
  return isWhole ? { ...address, prefixBits } : null
}

export function isWithin(address: Address, network: Network): boolean {
  const shift = BigInt(network.bits - network.prefixBits)
  return address.bits === network.bits && address.value >> shift === network.value >> shift
}

/** An IPv4 address or network that is written as IPv6 (`::ffff:192.0.2.1`; RFC 4291, section 2.5.5.2) as IPv4; any other as it is. */
export function asIpv4<Given extends Address & { prefixBits?: number }>(given: Given): Given {
  const { bits, value, prefixBits = 128 } = given
  if (bits === 32 || value >> 32n !== 0xffffn || prefixBits < 96) return given
  return { ...given, bits: 32, value: value & 0xffffffffn, ...(given.prefixBits !== undefined && { prefixBits: prefixBits - 96 }) }
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
