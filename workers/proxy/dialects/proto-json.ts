import { z } from 'zod'

/**
 * A message in protobuf's JSON form, in which a field has two names: `maxOutputTokens` and `max_output_tokens`. It is read under the first, whichever was
 * written, and refused under both, because nobody here knows which of them the upstream would take. Fields that are not named pass.
 */
export function messageOf<Shape extends z.ZodRawShape>(shape: Shape) {
  return z.preprocess(camelCased, z.looseObject(shape))
}

/** The same for a message that has no fields but these. */
export function wholeMessageOf<Shape extends z.ZodRawShape>(shape: Shape) {
  return z.preprocess(camelCased, z.strictObject(shape))
}

/** A list; protobuf's JSON takes a lone value for a list of one. */
export function listOf<Item extends z.ZodType>(item: Item) {
  return z.preprocess((value) => (Array.isArray(value) || value === undefined ? value : [value]), z.array(item))
}

/** A field that may only be absent, which null is as well. */
export const unsupported = z.null('is not supported here').optional()

function camelCased(value: unknown, context: z.core.$RefinementCtx): unknown {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return value
  const fields = new Map<string, unknown>()
  for (const [key, field] of Object.entries(value)) {
    const name = key.replace(/_+([a-z0-9])/gi, (_, letter: string) => letter.toUpperCase())
    if (fields.has(name)) context.addIssue({ code: 'custom', path: [name], message: 'is given twice, under two names' })
    fields.set(name, field)
  }
  return Object.fromEntries(fields)
}
