import { isObject, type JsonObject } from './json-body.ts'
import { generatePieces } from './text.ts'

// A schema may refer to itself; what lies deeper than this is left out.
const maxDepth = 8

/** JSON for a schema, about as many tokens as wanted: its fixed parts may add some. `cap` is the most there may be. */
export function writeJson(schema: unknown, seed: number, wanted: number, cap: number | null): { pieces: string[]; isCut: boolean } {
  const words = generatePieces(seed, wanted, 'plain').join('')
  const all = splitTokens(JSON.stringify(fillSchema(schema, words)))
  const isCut = cap !== null && cap < all.length
  return { pieces: isCut ? all.slice(0, cap) : all, isCut }
}

/** JSON that satisfies the simple keywords of a schema, its texts filled with the given words. */
export function fillSchema(schema: unknown, words: string): unknown {
  return fill(schema, words, 0)
}

function fill(schema: unknown, words: string, depth: number): unknown {
  if (!isObject(schema) || depth > maxDepth) return {}
  if (schema.const !== undefined) return schema.const
  if (Array.isArray(schema.enum) && schema.enum.length > 0) return schema.enum[0]
  const alternatives = schema.anyOf ?? schema.oneOf
  if (Array.isArray(alternatives)) return fill(alternatives[0], words, depth + 1)
  const type = Array.isArray(schema.type) ? schema.type[0] : schema.type
  switch (type) {
    case 'string':
      return words
    case 'number':
    case 'integer':
      return typeof schema.minimum === 'number' ? schema.minimum : 7
    case 'boolean':
      return true
    case 'null':
      return null
    case 'array':
      return typeof schema.minItems === 'number' && schema.minItems > 0 ? [fill(schema.items, words, depth + 1)] : []
    default:
      return fillObject(schema, words, depth)
  }
}

function fillObject(schema: JsonObject, words: string, depth: number): JsonObject {
  const properties = isObject(schema.properties) ? schema.properties : {}
  const filled: JsonObject = {}
  // The words go into the first property; more of them would make the answer longer than was asked for.
  for (const [index, [name, property]] of Object.entries(properties).entries()) {
    filled[name] = fill(property, index === 0 ? words : 'word', depth + 1)
  }
  return filled
}

/** Cuts JSON into tokens: runs of text, each with the space before it. */
export function splitTokens(json: string): string[] {
  return json.match(/ ?[^ ]+/g) ?? []
}
