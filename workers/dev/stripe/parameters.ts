import { z } from 'zod'
import { invalidRequest, type StripeRefusal } from './refusal.ts'

/** Form fields by their names: `a[b][0]=c` is `{ a: { b: { 0: 'c' } } }`. */
export interface Form {
  [name: string]: string | Form
}

/** Decodes what is sent as a form or in a query. Throws a refusal when a name cannot be read, or is both a value and a parent. */
export function decodeForm(text: string): Form {
  const root: Form = Object.create(null)
  for (const [name, value] of new URLSearchParams(text)) {
    const path = splitName(name)
    let parent = root
    for (const part of path.slice(0, -1)) parent = childOf(parent, part, name)
    const last = keyIn(parent, path.at(-1) ?? '')
    if (typeof parent[last] === 'object') throw invalidRequest(`Invalid ${name}: it is a hash and a value.`, { param: name })
    parent[last] = value
  }
  return root
}

function splitName(name: string): string[] {
  const [, first, rest] = /^([^[\]]+)((?:\[[^[\]]*\])*)$/.exec(name) ?? []
  if (first === undefined || rest === undefined) throw invalidRequest(`Invalid parameter name: ${name}`, { param: name })
  return [first, ...[...rest.matchAll(/\[([^[\]]*)\]/g)].map(([, part = '']) => part)]
}

function childOf(parent: Form, part: string, name: string): Form {
  const key = keyIn(parent, part)
  const found = parent[key]
  if (typeof found === 'string') throw invalidRequest(`Invalid ${name}: it is a hash and a value.`, { param: name })
  const child: Form = found ?? Object.create(null)
  parent[key] = child
  return child
}

/** `a[]` is the next element of `a`. */
function keyIn(parent: Form, part: string): string {
  return part === '' ? String(Object.keys(parent).length) : part
}

/** Parameters as a schema wants them; otherwise the refusal that Stripe would answer. */
export function readParameters<S extends z.ZodType>(schema: S, form: Form): z.output<S> {
  const parsed = schema.safeParse(form, { reportInput: true })
  if (parsed.success) return parsed.data
  const [issue] = parsed.error.issues
  throw issue ? refusalOf(issue) : invalidRequest('Invalid request.')
}

function refusalOf(issue: z.core.$ZodIssue): StripeRefusal {
  if (issue.code === 'unrecognized_keys') {
    const param = nameOf([...issue.path, issue.keys[0] ?? ''])
    return invalidRequest(`Received unknown parameter: ${param}`, { code: 'parameter_unknown', param })
  }
  const param = nameOf(issue.path)
  // Of a union the input is the whole; what was missing is what tells its members apart.
  const input = issue.code === 'invalid_union' && isForm(issue.input) ? issue.input[param] : issue.input
  if (input === undefined) return invalidRequest(`Missing required param: ${param}.`, { code: 'parameter_missing', param })
  if (input === '') {
    const message = `You passed an empty string for '${param}', which cannot be unset. Leave it out or supply a value.`
    return invalidRequest(message, { code: 'parameter_invalid_empty', param })
  }
  if (issue.message === notWhole) return invalidRequest(`Invalid integer: ${String(input)}`, { code: 'parameter_invalid_integer', param })
  return invalidRequest(`Invalid ${param}: ${issue.message}`, { param })
}

function isForm(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null
}

function nameOf([first, ...rest]: PropertyKey[]): string {
  return `${String(first)}${rest.map((part) => `[${String(part)}]`).join('')}`
}

const notWhole = 'must be an integer'
const supported = ['usd', 'eur', 'gbp']

export const Text = z.string().min(1).max(5_000)
export const Integer = z
  .string()
  .regex(/^-?\d{1,15}$/, notWhole)
  .transform(Number)
export const Flag = z.enum(['true', 'false']).transform((text) => text === 'true')
export const Metadata = z
  .record(z.string().max(40), z.string().max(500))
  .refine((record) => Object.keys(record).length <= 50, 'too many keys')
export const Currency = z
  .string()
  .transform((text) => text.toLowerCase())
  .refine((text) => supported.includes(text), `this Stripe knows ${supported.join(', ')} only`)
export const Url = z.url({ protocol: /^https?$/ })
/** Stripe counts in cents and takes nothing below zero. */
export const Amount = Integer.refine((cents) => cents >= 0, 'must be zero or more')

/** Elements come numbered. */
export function listOf<S extends z.ZodType>(element: S) {
  return z.preprocess((form) => (typeof form === 'object' && form !== null ? Object.values(form) : form), z.array(element))
}

/** An empty string unsets. */
export function unsettable<S extends z.ZodType>(schema: S) {
  return z.preprocess((text) => (text === '' ? null : text), schema.nullable())
}

/** New values over the old ones; an empty one removes its key. */
export function mergeMetadata(old: Record<string, string>, changes: Record<string, string> = {}): Record<string, string> {
  return Object.fromEntries(Object.entries({ ...old, ...changes }).filter(([, value]) => value !== ''))
}

const smallestCents = 50
const largestCents = 99_999_999

/** Refuses what Stripe takes no payment of. */
export function requireChargeable(cents: number, param: string): void {
  if (cents < smallestCents) throw invalidRequest('Amount must be at least $0.50 usd', { code: 'amount_too_small', param })
  if (cents > largestCents) throw invalidRequest('Amount must be no more than $999,999.99', { code: 'amount_too_large', param })
}
