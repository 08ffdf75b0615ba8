import fc from 'fast-check'
import { z } from 'zod'

/** What of JSON Schema the contracts use. */
export const JsonSchema = z.looseObject({
  $ref: z.string().optional(),
  type: z.union([z.string(), z.array(z.string())]).optional(),
  const: z.unknown().optional(),
  enum: z.array(z.unknown()).optional(),
  anyOf: z.array(z.unknown()).optional(),
  oneOf: z.array(z.unknown()).optional(),
  allOf: z.array(z.unknown()).optional(),
  properties: z.record(z.string(), z.unknown()).optional(),
  required: z.array(z.string()).optional(),
  additionalProperties: z.unknown().optional(),
  items: z.unknown().optional(),
  minItems: z.number().optional(),
  maxItems: z.number().optional(),
  minimum: z.number().optional(),
  maximum: z.number().optional(),
  exclusiveMinimum: z.number().optional(),
  exclusiveMaximum: z.number().optional(),
  minLength: z.number().optional(),
  maxLength: z.number().optional(),
  pattern: z.string().optional(),
  format: z.string().optional(),
})
export type JsonSchema = z.infer<typeof JsonSchema>

const formats: Record<string, fc.Arbitrary<string>> = {
  'date-time': fc.date({ min: new Date(0), max: new Date('2100-01-01'), noInvalidDate: true }).map((date) => date.toISOString()),
  date: fc.date({ min: new Date(0), max: new Date('2100-01-01'), noInvalidDate: true }).map((date) => date.toISOString().slice(0, 10)),
  email: fc.stringMatching(/^[a-z]{3,9}$/).map((name) => `${name}@example.com`),
  uri: fc.stringMatching(/^[a-z]{3,9}$/).map((name) => `https://${name}.example.com/`),
  uuid: fc.uuid(),
}

/** Values that a schema describes, or nearly: rules that JSON Schema cannot tell are left to chance. */
export function valid(given: unknown, components: Record<string, unknown> = {}): fc.Arbitrary<unknown> {
  const schema = JsonSchema.parse(given)
  const within = (inner: unknown) => valid(inner, components)
  if (schema.$ref) return within(components[schema.$ref.split('/').at(-1) ?? ''] ?? {})
  if ('const' in schema) return fc.constant(schema.const)
  if (schema.enum) return fc.constantFrom(...schema.enum)
  const choices = schema.anyOf ?? schema.oneOf
  if (choices) return fc.oneof(...choices.map(within))
  if (schema.allOf?.[0]) return within(schema.allOf[0])
  const types = [schema.type ?? []].flat()
  if (types.length === 0) return fc.jsonValue({ maxDepth: 2 })
  return fc.oneof(...types.map((type) => ofType(type, schema, within)))
}

function ofType(type: string, schema: JsonSchema, within: (inner: unknown) => fc.Arbitrary<unknown>): fc.Arbitrary<unknown> {
  if (type === 'string') return textOf(schema)
  if (type === 'boolean') return fc.boolean()
  if (type === 'null') return fc.constant(null)
  if (type === 'integer' || type === 'number') return numberOf(type, schema)
  if (type === 'array') {
    const { items = {}, minItems = 0, maxItems = 4 } = schema
    return fc.array(within(items), { minLength: minItems, maxLength: Math.max(minItems, Math.min(maxItems, 4)) })
  }
  return objectOf(schema, within)
}

function objectOf(schema: JsonSchema, within: (inner: unknown) => fc.Arbitrary<unknown>): fc.Arbitrary<unknown> {
  const { properties = {}, required = [], additionalProperties } = schema
  const known = Object.fromEntries(Object.entries(properties).map(([name, inner]) => [name, within(inner)]))
  const record = fc.record(known, { requiredKeys: required.filter((name) => name in known) })
  if (typeof additionalProperties !== 'object' || additionalProperties === null) return record
  const more = fc.dictionary(fc.stringMatching(/^[a-z]{1,8}$/), within(additionalProperties), { maxKeys: 3 })
  return fc.tuple(more, record).map(([added, named]) => ({ ...added, ...named }))
}

function numberOf(type: string, { minimum, maximum, exclusiveMinimum, exclusiveMaximum }: JsonSchema): fc.Arbitrary<number> {
  const min = Math.ceil(minimum ?? (exclusiveMinimum === undefined ? -1_000 : exclusiveMinimum + 1))
  const max = Math.floor(maximum ?? (exclusiveMaximum === undefined ? Math.max(min, 1_000_000) : exclusiveMaximum - 1))
  const whole = fc.oneof(fc.maxSafeInteger(), fc.integer({ min: 0, max: 100 })).map((value) => Math.max(min, Math.min(max, value)))
  return type === 'integer' ? whole : fc.oneof(whole, fc.double({ min, max, noNaN: true }))
}

function textOf({ pattern, format, minLength = 0, maxLength = 40 }: JsonSchema): fc.Arbitrary<string> {
  const known = format === undefined ? undefined : formats[format]
  if (known) return known
  const free = fc.string({ unit: 'grapheme', minLength, maxLength: Math.max(minLength, Math.min(maxLength, 40)) })
  if (pattern === undefined) return fc.oneof(free, fc.string({ minLength, maxLength: Math.max(minLength, Math.min(maxLength, 40)) }))
  try {
    return fc.stringMatching(new RegExp(pattern)).map((text) => text.slice(0, maxLength))
  } catch {
    // fast-check reads no assertions; what it cannot make is left to the broken ones.
    return free
  }
}
