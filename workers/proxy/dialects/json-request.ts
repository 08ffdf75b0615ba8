import type { z } from 'zod'
import { RelayOptions } from '#shared/contracts/relay-options.ts'
import { ApiError } from '#workers/edge/api-error.ts'
import { requestFields } from '../limits.ts'
import { setMembers } from './json-members.ts'

/** A JSON body, read once: as the client wrote it but for `relay`, and as it reads. */
export interface JsonRequest<Body> {
  text: string
  body: Body
  relay: RelayOptions
}

/** Reads a JSON body by a dialect's schema; throws 400 naming the parameter. `relay` is taken out. */
export function readJsonRequest<Schema extends z.ZodType<object>>(bytes: Uint8Array, schema: Schema): JsonRequest<z.infer<Schema>> {
  const text = decodeUtf8(bytes)
  const value = parseJson(text)
  if (typeof value === 'object' && value !== null && Object.keys(value).length > requestFields) {
    throw new ApiError('invalid_request', { message: `The request has more than ${requestFields} fields.` })
  }
  if (!isObject(value) || !Object.hasOwn(value, 'relay')) return { text, body: parsed(schema, value, []), relay: {} }
  const { relay, ...fields } = value
  const body = parsed(schema, fields, [])
  return { text: setMembers(text, new Map([['relay', null]])), body, relay: readRelayOptions(relay) }
}

/** Reads the field `relay`; throws 400 naming its member. */
export function readRelayOptions(value: unknown): RelayOptions {
  return parsed(RelayOptions, value, ['relay'])
}

/** A value as a schema reads it; throws 400 naming the field. `at` is where the value stands. */
export function parsed<Schema extends z.ZodType>(schema: Schema, value: unknown, at: string[]): z.infer<Schema> {
  const result = schema.safeParse(value)
  if (result.success) return result.data
  const issue = result.error.issues[0]
  const path = [...at, ...(issue?.path ?? [])]
  if (issue?.code === 'unrecognized_keys') throw unknownField([...path, ...issue.keys.slice(0, 1)].join('.'))
  throw invalidField(path.join('.') || undefined, issue?.message ?? 'is not valid')
}

/** 400 for a field, or for the body as a whole. */
export function invalidField(param: string | undefined, message: string): ApiError {
  return new ApiError('invalid_request', { param, message: `Invalid ${param ? `value for '${param}'` : 'request body'}: ${message}.` })
}

/** What a client calls a field may be as long as its body. */
function unknownField(name: string): ApiError {
  const param = name.slice(0, 256)
  return new ApiError('invalid_request', { param, message: `There is no field '${param}'.` })
}

function decodeUtf8(bytes: Uint8Array): string {
  try {
    // A byte order mark is kept, so that JSON.parse refuses it as RFC 8259 allows.
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes)
  } catch {
    throw new ApiError('invalid_json')
  }
}

/** Reads a JSON text; throws 400. */
export function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    throw new ApiError('invalid_json')
  }
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
