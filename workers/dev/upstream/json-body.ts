export type JsonObject = Record<string, unknown>

export function isObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

// JSON is UTF-8; bytes that are not must fail instead of turning into replacement characters.
const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

/** The object that a request body is; null for anything else. */
export function parseObject(bytes: Buffer): JsonObject | null {
  try {
    const parsed: unknown = JSON.parse(decoder.decode(bytes))
    return isObject(parsed) ? parsed : null
  } catch {
    return null
  }
}
