import type { JsonObject } from '../json-body.ts'
import { arrayOf, type Check, checkTopLevel, integer, isAnyObject, isBoolean, isString, oneOf, wrongType } from './checks.ts'
import { invalidRequest, type OpenAiError } from './errors.ts'
import { type FormField, type FormFields, isFile } from './forms.ts'

/** A picture that is asked for; `image` is there where one is edited. */
export type ImageRequest = {
  model: string
  prompt: string
  image?: File[]
  background?: string | null
  n?: number | null
  output_format?: string | null
  partial_images?: number | null
  quality?: string | null
  size?: string | null
  stream?: boolean | null
}

const size: Check = (value, path) => {
  if (typeof value !== 'string') return wrongType(path, 'a string', value)
  if (value === 'auto' || /^[1-9]\d{2,3}x[1-9]\d{2,3}$/.test(value)) return null
  return invalidRequest(`Invalid value: '${value}'. Supported values are: 'auto' and sizes such as '1024x1024'.`, path, 'invalid_value')
}

const prompt: Check = (value, path) => {
  if (typeof value !== 'string') return wrongType(path, 'a string', value)
  if (value === '')
    return invalidRequest(`Invalid '${path}': empty string. Expected a string with minimum length 1.`, path, 'string_below_min_length')
  if (value.length <= 32_000) return null
  return invalidRequest(`Invalid '${path}': string too long. Expected a string with maximum length 32000.`, path, 'string_above_max_length')
}

const shared: Readonly<Record<string, Check>> = {
  model: isString,
  prompt,
  background: oneOf('transparent', 'opaque', 'auto'),
  complexity: oneOf('low', 'medium', 'high'),
  frame_count: integer(1, 1_000),
  frame_duration_ms: integer(1, 60_000),
  n: integer(1, 10),
  output_compression: integer(0, 100),
  output_format: oneOf('png', 'webp', 'jpeg', 'gif', 'svg'),
  partial_images: integer(0, 3),
  quality: oneOf('low', 'medium', 'high', 'xhigh', 'max', 'auto'),
  safety_identifier: isString,
  size,
  stream: isBoolean,
  user: isString,
}
const generation: Readonly<Record<string, Check>> = { ...shared, moderation: oneOf('low', 'auto'), svg: isAnyObject }
const edit: Readonly<Record<string, Check>> = {
  ...shared,
  image: arrayOf(isFile, 1, 16),
  input_fidelity: oneOf('high', 'low'),
  markup: isFile,
  mask: isFile,
}

const text: FormField = { reads: 'text' }
const number: FormField = { reads: 'number' }
const file: FormField = { reads: 'file' }

/** The fields of an edit's form. */
export const editFields: FormFields = {
  ...Object.fromEntries(Object.keys(edit).map((name) => [name, text])),
  frame_count: number,
  frame_duration_ms: number,
  n: number,
  output_compression: number,
  partial_images: number,
  stream: { reads: 'boolean' },
  image: { reads: 'file', many: 'plain' },
  markup: file,
  mask: file,
}

export function checkGeneration(body: JsonObject): OpenAiError | null {
  return checkTopLevel(body, generation, ['model', 'prompt']) ?? checkStream(body)
}

export function checkEdit(body: JsonObject): OpenAiError | null {
  return checkTopLevel(body, edit, ['model', 'prompt', 'image']) ?? checkStream(body)
}

function checkStream({ stream, n }: JsonObject): OpenAiError | null {
  if (stream !== true || n === undefined || n === null || n === 1) return null
  return invalidRequest("Streaming is only supported when 'n' is 1.", 'n', 'invalid_value')
}

/** Only for a body that passed the parameter checks: they are what makes this cast true. */
export function readImage(body: JsonObject): ImageRequest {
  return body as unknown as ImageRequest
}
