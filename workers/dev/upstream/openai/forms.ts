import type { Exchange } from '../exchange.ts'
import { isObject, type JsonObject, refuseEarly } from '../json-body.ts'
import { type Check, wrongType } from './checks.ts'

/** How one field of a form is read; the value it becomes is then judged as a JSON body's would be. */
export type FormField = {
  reads: 'text' | 'number' | 'boolean' | 'file'
  /** May stand there several times, as `name[]`; `plain` also as `name`. */
  many?: 'brackets' | 'plain'
  /** May be spread over fields `name[member]`. */
  nested?: boolean
}

export type FormFields = Readonly<Record<string, FormField>>

export const isFile: Check = (value, path) => (value instanceof File ? null : wrongType(path, 'a file', value))

/**
 * Reads a multipart body into typed values. What does not belong stays for the checks to refuse: a strange name under that
 * name, and a list where one value belongs.
 */
export async function readForm(
  exchange: Exchange,
  maxBytes: number,
  fields: FormFields,
): Promise<JsonObject | 'too-large' | 'unreadable' | 'left'> {
  const bytes = await exchange.readBody((first) => refuseEarly(exchange, first), maxBytes)
  if (typeof bytes === 'string') return bytes
  const form = await parseForm(bytes, exchange.request.headers['content-type'] ?? '')
  if (!form) return 'unreadable'
  // A map, because a client may name a field `__proto__`.
  const body = new Map<string, unknown>()
  for (const [key, value] of form) {
    const [, name = key, suffix = ''] = /^([a-z_0-9]+)(\[[a-z_]*\])?$/.exec(key) ?? []
    const field = Object.hasOwn(fields, name) ? fields[name] : undefined
    put(body, name, suffix, field ? readValue(value, field.reads) : value, field)
  }
  return Object.fromEntries(body)
}

function put(body: Map<string, unknown>, name: string, suffix: string, value: unknown, field: FormField | undefined): void {
  const earlier = body.get(name)
  const isList = suffix === '[]' ? field?.many !== undefined : suffix === '' && field?.many === 'plain'
  if (isList) body.set(name, Array.isArray(earlier) ? [...earlier, value] : [value])
  else if (suffix === '' && field?.many === undefined) body.set(name, earlier === undefined ? value : [earlier, value])
  else if (suffix !== '' && field?.nested) body.set(name, { ...(isObject(earlier) ? earlier : {}), [suffix.slice(1, -1)]: value })
  else body.set(name + suffix, value)
}

function readValue(value: string | File, reads: FormField['reads']): unknown {
  if (typeof value !== 'string') return value
  if (reads === 'boolean') return value === 'true' ? true : value === 'false' ? false : value
  // A text that is no number stays one, so that the check can say what was wrong.
  if (reads === 'number') return value.trim() === '' || Number.isNaN(Number(value)) ? value : Number(value)
  return value
}

/** The platform's own parser; null for what is no form. */
async function parseForm(bytes: Buffer, contentType: string): Promise<FormData | null> {
  try {
    return await new Response(new Uint8Array(bytes), { headers: { 'content-type': contentType } }).formData()
  } catch {
    return null
  }
}
