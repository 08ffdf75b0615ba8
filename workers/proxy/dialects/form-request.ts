import type { RelayOptions } from '#shared/contracts/relay-options.ts'
import { formFiles, requestFields } from '../limits.ts'
import type { Incoming } from './dialect.ts'
import { invalidField, parseJson, readRelayOptions } from './json-request.ts'

/** How the text of a field is to be read. */
export type FieldKind = 'text' | 'number' | 'boolean'

/** A multipart form, read once. */
export interface FormRequest {
  form: FormData
  /** The fields that were asked for, as a JSON body would have them; one that is not there is undefined. */
  fields: Record<string, unknown>
  relay: RelayOptions
  /** UTF-8 bytes of all that is text. */
  textBytes: number
  /** In the order of the form, whatever their names. */
  files: File[]
}

/** Reads a form (RFC 7578) and, of its fields, those that `kinds` names. Throws 400 naming the field: for one given twice, or a file in its place. */
export async function readFormRequest({ bytes, headers }: Incoming, kinds: Record<string, FieldKind>): Promise<FormRequest> {
  const form = await parseForm(bytes, headers.get('content-type') ?? '')
  const entries = [...form]
  const files = entries.flatMap(([, value]) => (typeof value === 'string' ? [] : [value]))
  if (entries.length - files.length > requestFields) throw invalidField(undefined, `it has more than ${requestFields} fields`)
  if (files.length > formFiles) throw invalidField(undefined, `it has more than ${formFiles} files`)
  const relay = textOf(form, 'relay')
  const textBytes = entries.reduce((sum, [name, value]) => sum + bytesOf(name) + (typeof value === 'string' ? bytesOf(value) : 0), 0)
  return {
    form,
    fields: Object.fromEntries(Object.entries(kinds).map(([name, kind]) => [name, readField(form, name, kind)])),
    relay: relay === undefined ? {} : readRelayOptions(parseJson(relay)),
    textBytes,
    files,
  }
}

/** The client's form with the upstream's name of the model; all else in its order, but for `relay`. */
export function upstreamForm(form: FormData, upstreamModel: string): FormData {
  const sent = new FormData()
  for (const [name, value] of form) {
    if (name === 'model') sent.append(name, upstreamModel)
    else if (typeof value !== 'string') sent.append(name, value, value.name)
    else if (name !== 'relay') sent.append(name, value)
  }
  return sent
}

/** The platform's own parser, which takes a form only with its boundary. */
async function parseForm(bytes: Uint8Array, contentType: string): Promise<FormData> {
  try {
    return await new Response(bytes, { headers: { 'content-type': contentType } }).formData()
  } catch {
    throw invalidField(undefined, 'it is no multipart form with the boundary of its Content-Type')
  }
}

/** A number or a truth that is not written as one stays a text, for a schema to refuse. */
function readField(form: FormData, name: string, kind: FieldKind): unknown {
  const text = textOf(form, name)
  if (kind === 'number' && text !== undefined) return /^-?\d{1,9}$/.test(text) ? Number(text) : text
  if (kind === 'boolean') return text === 'true' ? true : text === 'false' ? false : text
  return text
}

function textOf(form: FormData, name: string): string | undefined {
  const [value, ...others] = form.getAll(name)
  if (others.length > 0) throw invalidField(name, 'it is given more than once')
  if (value !== undefined && typeof value !== 'string') throw invalidField(name, 'expected a text, not a file')
  return value
}

function bytesOf(text: string): number {
  return encoder.encode(text).length
}

const encoder = new TextEncoder()
