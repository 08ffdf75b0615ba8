import type { Exchange } from './exchange.ts'

export type JsonObject = Record<string, unknown>

// As the model stands in JSON and in a form.
const refusedModels = ['"scripted-refuse"', '\r\n\r\nscripted-refuse\r\n']

/** Reads a body that has to be a JSON object; what it is instead is for the provider to say in its own words. */
export async function readJsonBody(exchange: Exchange, maxBytes: number): Promise<JsonObject | 'too-large' | 'unreadable' | 'left'> {
  const bytes = await exchange.readBody((first) => refuseEarly(exchange, first), maxBytes)
  return typeof bytes === 'string' ? bytes : (parseObject(bytes) ?? 'unreadable')
}

export function isObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/** The one behaviour that is chosen before the body is read: the socket is reset on its first bytes. */
export function refuseEarly(exchange: Exchange, first: Buffer): void {
  if (!refusedModels.some((model) => first.includes(model))) return
  exchange.record.model = 'scripted-refuse'
  exchange.record.behaviour = 'refuse'
  exchange.cut(true)
}

// JSON is UTF-8; bytes that are not must fail instead of turning into replacement characters.
const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

/** Null for bytes that are no JSON object. */
export function parseObject(bytes: Buffer): JsonObject | null {
  try {
    const parsed: unknown = JSON.parse(decoder.decode(bytes))
    return isObject(parsed) ? parsed : null
  } catch {
    return null
  }
}
