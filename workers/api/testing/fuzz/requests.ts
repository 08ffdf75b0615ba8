import fc from 'fast-check'
import { z } from 'zod'
import { hostileBodies, hostileHeaders, hostileJson, hostileTexts, hostileTypes } from './hostile.ts'
import { valid } from './valid.ts'

/** An operation of the OpenAPI document, as far as requests are made from it. */
export const DescribedOperation = z.looseObject({
  operationId: z.string(),
  parameters: z
    .array(z.looseObject({ name: z.string(), in: z.string(), required: z.boolean().optional(), schema: z.unknown() }))
    .optional(),
  requestBody: z.looseObject({ content: z.record(z.string(), z.looseObject({ schema: z.unknown() })) }).optional(),
  responses: z.record(z.string(), z.looseObject({ content: z.record(z.string(), z.looseObject({ schema: z.unknown() })).optional() })),
})
export type DescribedOperation = z.infer<typeof DescribedOperation>

export interface Described {
  method: string
  path: string
  operation: DescribedOperation
}

/** Whose id a parameter of the path names: one that is there, another tenant's, one of nothing, or none at all. */
export type Whose = { kind: 'own' | 'foreign' | 'nothing'; pick: number } | { kind: 'odd'; text: string }

/** A request as it is made up; ids are filled in when it is sent. */
export interface MadeUp {
  described: Described
  caller: string
  whose: Whose[]
  /** Names and values, encoded. */
  query: [string, string][]
  headers: Record<string, string>
  body: string | Uint8Array<ArrayBuffer> | undefined
}

const hole = '"@hole@"'

/** Requests of one operation: two in five as it wants them, the others broken somewhere. */
export function requestsOf(described: Described, callers: readonly string[], components: Record<string, unknown>): fc.Arbitrary<MadeUp> {
  const { operation, path } = described
  const { parameters = [] } = operation
  const ids = path.match(/\{\w+\}/g) ?? []
  const json = operation.requestBody?.content['application/json']?.schema
  const headers = parameters.filter((each) => each.in === 'header')
  const query = fc.record(
    Object.fromEntries(parameters.filter((each) => each.in === 'query').map(({ name, schema }) => [name, valid(schema, components)])),
    { requiredKeys: [] },
  )
  return fc
    .tuple(
      fc.constantFrom(...callers),
      fc.tuple(...ids.map(() => whose)),
      query,
      fc.record(Object.fromEntries(headers.map(({ name, schema }) => [name.toLowerCase(), valid(schema, components)])), {
        requiredKeys: [],
      }),
      json === undefined ? fc.constant(undefined) : valid(json, components),
      faults,
    )
    .map(([caller, each, queried, named, body, fault]) =>
      broken(
        {
          described,
          caller,
          whose: each,
          query: Object.entries(queried).map(([name, value]) => [name, encodeURIComponent(textOf(value))]),
          headers: { ...(json !== undefined && { 'content-type': 'application/json' }), ...headersOf(named) },
          body: json === undefined ? undefined : JSON.stringify(body),
        },
        fault,
      ),
    )
}

const kind = fc.constantFrom<'own' | 'foreign' | 'nothing'>('own', 'own', 'own', 'own', 'foreign', 'nothing')
const whose: fc.Arbitrary<Whose> = fc.oneof(
  { weight: 9, arbitrary: fc.record({ kind, pick: fc.nat(20) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('odd' as const), text: fc.constantFrom(...hostileTexts) }) },
)

/** What is wrong with a request; each number chooses among what there is. */
const faults = fc.record({
  where: fc.constantFrom(
    'nowhere',
    'nowhere',
    'nowhere',
    'nowhere',
    'field',
    'field',
    'field',
    'missing',
    'extra',
    'body',
    'type',
    'query',
    'header',
  ),
  which: fc.nat(1_000),
  what: fc.nat(1_000),
})
type Fault = typeof faults extends fc.Arbitrary<infer Value> ? Value : never

function broken(made: MadeUp, { where, which, what }: Fault): MadeUp {
  const text = typeof made.body === 'string' ? made.body : undefined
  if (where === 'query') return { ...made, query: brokenQuery(made.query, which, what) }
  if (where === 'header') return { ...made, headers: { ...made.headers, ...pick(hostileHeaders, what) } }
  if (where === 'nowhere' || text === undefined) return made
  if (where === 'type') return { ...made, headers: { ...made.headers, 'content-type': pick(hostileTypes, what) } }
  if (where === 'body') return { ...made, body: pick(hostileBodies, what) }
  return { ...made, body: brokenJson(text, where, which, what) }
}

/** A body in which one field has another value, is gone, or has company that nobody asked for. */
function brokenJson(text: string, where: string, which: number, what: number): string {
  const fields: unknown = JSON.parse(text)
  if (typeof fields !== 'object' || fields === null || Array.isArray(fields)) return pick(hostileJson, what)
  const names = Object.keys(fields)
  const name = names.length > 0 ? pick(names, which) : 'name'
  if (where === 'missing') return JSON.stringify({ ...fields, [name]: undefined })
  if (where === 'field') return JSON.stringify({ ...fields, [name]: JSON.parse(hole) }).replace(hole, () => pick(hostileJson, what))
  const added = JSON.stringify(pick(['__proto__', 'constructor', 'organizationId', 'role', 'id', name], which))
  return text.replace('{', () => `{${added}:${pick(hostileJson, what)}${names.length > 0 ? ',' : ''}`)
}

function brokenQuery(query: [string, string][], which: number, what: number): [string, string][] {
  const [name, value] = query.length > 0 ? pick(query, which) : ['limit', '1']
  const others = query.filter(([each]) => each !== name)
  return pick<[string, string][]>(
    [
      [...others, [name, pick(hostileTexts, what)]],
      [...query, [name, value]],
      [...query, [pick(['__proto__', 'constructor', 'cursor', 'unknown'], what), pick(hostileTexts, what)]],
    ],
    which,
  )
}

function pick<Value>(values: readonly [Value, ...Value[]] | readonly Value[], index: number): Value {
  return values[index % values.length] as Value // There is at least one, and the remainder is within.
}

/** A header carries what is printable and has no blank at its ends. */
function headersOf(named: Record<string, unknown>): Record<string, string> {
  const texts = Object.entries(named).map(([name, value]) => [
    name,
    textOf(value)
      .replaceAll(/[^\x20-\x7e]/g, '?')
      .trim() || 'x',
  ])
  return Object.fromEntries(texts)
}

function textOf(value: unknown): string {
  const text = typeof value === 'string' ? value : JSON.stringify(value)
  return text.toWellFormed()
}
