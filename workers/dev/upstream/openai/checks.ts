import { isObject, type JsonObject } from '../json-body.ts'
import { invalidRequest, type OpenAiError } from './errors.ts'

/** Judges one value of a request body; `path` is how OpenAI names it, such as `messages[0].role`. */
export type Check = (value: unknown, path: string) => OpenAiError | null

function describe(value: unknown): string {
  if (value === null) return 'null'
  if (Array.isArray(value)) return 'an array'
  if (typeof value === 'number') return Number.isInteger(value) ? 'an integer' : 'a decimal'
  return typeof value === 'object' ? 'an object' : `a ${typeof value}`
}

export function wrongType(path: string, expected: string, value: unknown): OpenAiError {
  const got = value === null ? 'got null' : `got ${describe(value)}`
  return invalidRequest(`Invalid type for '${path}': expected ${expected}, but ${got} instead.`, path, 'invalid_type')
}

export function missing(path: string): OpenAiError {
  return invalidRequest(`Missing required parameter: '${path}'.`, path, 'missing_required_parameter')
}

export function unknownParameter(path: string): OpenAiError {
  return invalidRequest(`Unknown parameter: '${path}'.`, path, 'unknown_parameter')
}

export const isString: Check = (value, path) => (typeof value === 'string' ? null : wrongType(path, 'a string', value))

export const isBoolean: Check = (value, path) => (typeof value === 'boolean' ? null : wrongType(path, 'a boolean', value))

/** An object whose inside is not looked at. */
export const isAnyObject: Check = (value, path) => (isObject(value) ? null : wrongType(path, 'an object', value))

export function integer(min: number, max: number): Check {
  return (value, path) =>
    typeof value === 'number' && Number.isInteger(value) ? inRange('integer', value, path, min, max) : wrongType(path, 'an integer', value)
}

export function decimal(min: number, max: number): Check {
  return (value, path) => (typeof value === 'number' ? inRange('decimal', value, path, min, max) : wrongType(path, 'a decimal', value))
}

function inRange(kind: 'integer' | 'decimal', value: number, path: string, min: number, max: number): OpenAiError | null {
  if (value >= min && value <= max) return null
  const [side, sign, bound, code] = value < min ? ['below minimum', '>=', min, 'below_min'] : ['above maximum', '<=', max, 'above_max']
  return invalidRequest(
    `Invalid '${path}': ${kind} ${side} value. Expected a value ${sign} ${bound}, but got ${value} instead.`,
    path,
    `${kind}_${code}_value`,
  )
}

export function oneOf(...allowed: string[]): Check {
  const last = allowed.at(-1)
  const list =
    allowed.length === 1
      ? `'${last}'`
      : `${allowed
          .slice(0, -1)
          .map((value) => `'${value}'`)
          .join(', ')}, and '${last}'`
  return (value, path) => {
    if (typeof value !== 'string') return wrongType(path, `one of ${list}`, value)
    if (allowed.includes(value)) return null
    return invalidRequest(`Invalid value: '${value}'. Supported values are: ${list}.`, path, 'invalid_value')
  }
}

export function arrayOf(check: Check, minLength: number, maxLength: number): Check {
  return (value, path) => {
    if (!Array.isArray(value)) return wrongType(path, `an array`, value)
    if (value.length < minLength) {
      return invalidRequest(
        `Invalid '${path}': empty array. Expected an array with minimum length ${minLength}, but got an empty array instead.`,
        path,
        'empty_array',
      )
    }
    if (value.length > maxLength) {
      const message = `Invalid '${path}': array too long. Expected an array with maximum length ${maxLength}, but got an array with length ${value.length} instead.`
      return invalidRequest(message, path, 'array_above_max_length')
    }
    return firstError(value, (item, index) => check(item, `${path}[${index}]`))
  }
}

/** An object with known keys only; `required` ones must be there, others may be null. */
export function shape(checks: Record<string, Check>, required: readonly string[] = []): Check {
  return (value, path) => {
    if (!isObject(value)) return wrongType(path, 'an object', value)
    for (const key of required) if (value[key] === undefined) return missing(`${path}.${key}`)
    return firstError(Object.keys(value), (key) => {
      const check = Object.hasOwn(checks, key) ? checks[key] : undefined
      if (!check) return unknownParameter(`${path}.${key}`)
      if (value[key] === null && !required.includes(key)) return null
      return check(value[key], `${path}.${key}`)
    })
  }
}

/** An object whose `type` says which of the shapes it must have. */
export function byType(shapes: Readonly<Record<string, Check>>): Check {
  const type = oneOf(...Object.keys(shapes))
  return (value, path) => {
    if (!isObject(value)) return wrongType(path, 'an object', value)
    if (value.type === undefined) return missing(`${path}.type`)
    return type(value.type, `${path}.type`) ?? shapes[String(value.type)]?.(value, path) ?? null
  }
}

export function firstError<T>(items: readonly T[], judge: (item: T, index: number) => OpenAiError | null): OpenAiError | null {
  for (const [index, item] of items.entries()) {
    const error = judge(item, index)
    if (error) return error
  }
  return null
}

/** Checks a body's top level: every key known, every value right, null allowed where nothing is required. */
export function checkTopLevel(body: JsonObject, checks: Readonly<Record<string, Check>>, required: readonly string[]): OpenAiError | null {
  for (const key in body) {
    const check = Object.hasOwn(checks, key) ? checks[key] : undefined
    if (!check) return invalidRequest(`Unrecognized request argument supplied: ${key}`, key, 'unknown_parameter')
    const value = body[key]
    const error = value === null && !required.includes(key) ? null : check(value, key)
    if (error) return error
  }
  for (const key of required) if (body[key] === undefined) return missing(key)
  return null
}
