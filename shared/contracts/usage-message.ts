/**
 * A message of the queue `usage`: a `UsageBatch` as JSON, compressed with gzip (RFC 1952), because a queue bills by size and the events of one
 * customer are much alike. Takes each event as its JSON text.
 */
export async function packUsageMessage(organizationId: string, events: readonly string[]): Promise<Uint8Array> {
  const json = `{"organizationId":${JSON.stringify(organizationId)},"events":[${events.join(',')}]}`
  return new Uint8Array(await through(new TextEncoder().encode(json), new CompressionStream('gzip')).arrayBuffer())
}

/** The value inside a message, not yet checked; undefined when the message is none. */
export async function unpackUsageMessage(message: unknown): Promise<unknown> {
  if (!(message instanceof ArrayBuffer) && !(message instanceof Uint8Array)) return undefined
  try {
    return await through(message, new DecompressionStream('gzip')).json()
  } catch {
    return undefined
  }
}

function through(bytes: ArrayBuffer | Uint8Array, transform: ReadableWritablePair<Uint8Array, Uint8Array>): Response {
  return new Response(new Response(bytes).body?.pipeThrough(transform))
}
