import { isObject, type JsonObject } from '../json-body.ts'

/** What is wrong with one field; `field` is its path in snake case, empty for the message itself. */
export type Violation = { field: string; description: string }

/** Reads one value of the wire: gives it in its plain form, or adds to the violations and gives undefined. */
type Read = (value: unknown, at: string, violations: Violation[]) => unknown

/** The `form` decides how protobuf refuses brackets that do not belong there. */
export type Field = { form: 'scalar' | 'message' | 'list' | 'any'; read: Read }

const typePrefix = 'type.googleapis.com/google.ai.generativelanguage.v1beta.'

/**
 * Reads a body as Google's JSON form of protobuf does: names in camel or snake case, null as absent, a lone value where
 * a list stands. The result has camel case names only, and lists are lists.
 */
export function readMessage(body: JsonObject, type: Field): { message: JsonObject; violations: Violation[] } {
  const violations: Violation[] = []
  const message = type.read(body, '', violations)
  return { message: isObject(message) ? message : {}, violations }
}

export function message(typeName: string, fields: Readonly<Record<string, Field>>, oneof: readonly string[] = []): Field {
  const read: Read = (value, at, violations) => {
    if (!isObject(value)) return refuse(violations, at, `${typePrefix}${typeName}`, value)
    const result: JsonObject = {}
    for (const key of Object.keys(value)) {
      const name = Object.hasOwn(fields, key) ? key : toCamelCase(key)
      const field = own(fields, name)
      const problem = field ? misplacedBracket(field, value[key]) : 'Cannot find field.'
      if (!field || problem) violations.push(unknownName(key, at, problem ?? ''))
      else if (value[key] !== null || field.form === 'any') result[name] = field.read(value[key], pathOf(at, name), violations)
    }
    refuseSecond(oneof, result, at, violations)
    return result
  }
  return { form: 'message', read }
}

/** For a message that contains itself. */
export function later(resolve: () => Field): Field {
  return { form: 'message', read: (value, at, violations) => resolve().read(value, at, violations) }
}

export function list(item: Field): Field {
  const read: Read = (value, at, violations) =>
    (Array.isArray(value) ? value : [value]).map((element, index) => item.read(element, `${at}[${index}]`, violations))
  return { form: 'list', read }
}

export function mapOf(item: Field): Field {
  const read: Read = (value, at, violations) => {
    if (!isObject(value)) return refuse(violations, at, 'Map', value)
    return Object.fromEntries(
      Object.entries(value).map(([key, element], index) => [key, item.read(element, `${at}[${index}].value`, violations)]),
    )
  }
  return { form: 'message', read }
}

/** `google.protobuf.Struct`: an object whose inside is not looked at. */
export const struct: Field = {
  form: 'message',
  read: (value, at, violations) => (isObject(value) ? value : refuse(violations, at, 'type.googleapis.com/google.protobuf.Struct', value)),
}

/** `google.protobuf.Value`: any JSON. */
export const anyValue: Field = { form: 'any', read: (value) => value }

export const text: Field = scalar('TYPE_STRING', (value) => (typeof value === 'string' ? value : undefined))

export const flag: Field = scalar('TYPE_BOOL', (value) => {
  if (value === 'true') return true
  return value === 'false' ? false : asBoolean(value)
})

export const decimal: Field = scalar('TYPE_FLOAT', asNumber)

export const int32: Field = scalar('TYPE_INT32', (value) => asInteger(value, 2 ** 31))

export const int64: Field = scalar('TYPE_INT64', (value) => asInteger(value, 2 ** 53))

/** Seconds with an `s` at the end. */
export const duration: Field = scalar('type.googleapis.com/google.protobuf.Duration', (value) =>
  typeof value === 'string' && /^-?\d{1,12}(\.\d{1,9})?s$/.test(value) ? value : undefined,
)

export const bytes: Field = scalar('TYPE_BYTES', (value) =>
  typeof value === 'string' && /^[A-Za-z0-9+/_-]*={0,2}$/.test(value) ? value : undefined,
)

/** Enum values come in any case; the result is in capitals. */
export function choice(typeName: string, ...values: string[]): Field {
  return scalar(`${typePrefix}${typeName}`, (value) => {
    const name = typeof value === 'string' ? value.toUpperCase() : ''
    return values.includes(name) ? name : undefined
  })
}

/** The same field, its value changed once it is known to be good. */
export function mapped(field: Field, change: (value: unknown) => unknown): Field {
  return { ...field, read: (value, at, violations) => change(field.read(value, at, violations)) }
}

function scalar(typeName: string, accept: (value: unknown) => unknown): Field {
  const read: Read = (value, at, violations) => accept(value) ?? refuse(violations, at, typeName, value)
  return { form: 'scalar', read }
}

function asBoolean(value: unknown): boolean | undefined {
  return typeof value === 'boolean' ? value : undefined
}

function asNumber(value: unknown): number | undefined {
  if (typeof value === 'number') return value
  return typeof value === 'string' && /^-?\d+(\.\d+)?(e[+-]?\d+)?$/i.test(value) ? Number(value) : undefined
}

function asInteger(value: unknown, bound: number): number | undefined {
  const number = asNumber(value)
  return number !== undefined && Number.isInteger(number) && number >= -bound && number < bound ? number : undefined
}

function own(fields: Readonly<Record<string, Field>>, name: string): Field | undefined {
  return Object.hasOwn(fields, name) ? fields[name] : undefined
}

/** Of the fields of a oneof only the first is taken. */
function refuseSecond(oneof: readonly string[], result: JsonObject, at: string, violations: Violation[]): void {
  const [, second] = Object.keys(result).filter((name) => oneof.includes(name))
  if (second !== undefined) refuseValue(violations, at, `(oneof), oneof field 'data' is already set. Cannot set '${second}'`)
}

function pathOf(at: string, name: string): string {
  return at === '' ? toSnakeCase(name) : `${at}.${toSnakeCase(name)}`
}

function misplacedBracket({ form }: Field, value: unknown): string | null {
  if (Array.isArray(value) && form !== 'list' && form !== 'any') return 'Proto field is not repeating, cannot start list.'
  return isObject(value) && form === 'scalar' ? 'Starting an object on a scalar field.' : null
}

function unknownName(name: string, at: string, problem: string): Violation {
  const place = at === '' ? '' : ` at '${at}'`
  return { field: at, description: `Invalid JSON payload received. Unknown name ${JSON.stringify(name)}${place}: ${problem}` }
}

function refuse(violations: Violation[], at: string, typeName: string, value: unknown): undefined {
  refuseValue(violations, at, `(${typeName}), ${JSON.stringify(value)}`)
}

function refuseValue(violations: Violation[], at: string, why: string): void {
  violations.push({ field: at, description: `Invalid value at '${at}' ${why}` })
}

function toCamelCase(name: string): string {
  return name.replace(/_([a-z0-9])/g, (_, letter: string) => letter.toUpperCase())
}

function toSnakeCase(name: string): string {
  return name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`)
}
