/** A Redis reply as JSON: integers and nil as they are, every string as base64 when the client asked for it, at any depth. */
export function encodeReply(value: unknown, asBase64: boolean): unknown {
  if (value instanceof Uint8Array) return Buffer.from(value).toString(asBase64 ? 'base64' : 'utf8')
  if (typeof value === 'string') return asBase64 ? Buffer.from(value).toString('base64') : value
  if (Array.isArray(value)) return value.map((element) => encodeReply(element, asBase64))
  if (typeof value === 'bigint') return Number(value)
  return value ?? null
}
