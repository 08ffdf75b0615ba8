const encoder = new TextEncoder()

/** UTF-8 bytes of a text, or of all texts in a vendor's own form of one, such as a list of parts. Does not recurse: depth is the upstream's. */
export function deliveredBytesOf(output: unknown): number {
  let bytes = 0
  const left = [output]
  while (left.length > 0) {
    const value = left.pop()
    if (typeof value === 'string') bytes += value === '' ? 0 : encoder.encode(value).length
    else if (typeof value === 'object' && value !== null) for (const inner of Object.values(value)) left.push(inner)
  }
  return bytes
}
