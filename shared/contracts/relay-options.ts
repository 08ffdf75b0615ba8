import { z } from 'zod'

const Name = z.string().min(1).max(256)
const Names = z.array(Name).min(1).max(16)

/**
 * The one field of ours in a request's body, `relay`; it is taken out before anything goes to an upstream. In a form it is a part with JSON. All
 * members are optional, and an unknown one is refused, because a misspelt wish would silently not be granted.
 */
export const RelayOptions = z.strictObject({
  /** Models to try in this order when the one that was asked for cannot be served. The answer's model is what is charged. */
  models: z.array(Name).min(1).max(8).optional(),
  /** Which route comes first: the cheapest, the one with the shortest time to first token, or with the most tokens a second; else priority and weight. */
  sort: z.enum(['price', 'latency', 'throughput']).optional(),
  /** Only routes in these regions, such as `eu`. */
  regions: Names.optional(),
  /** Providers by name: `order` are tried first and in this order, `only` allows no others, `ignore` excludes. */
  providers: z.strictObject({ order: Names.optional(), only: Names.optional(), ignore: Names.optional() }).optional(),
  /** False asks one route once: its failure is the answer. */
  fallback: z.boolean().optional(),
  /** Names a conversation: its requests keep to one route while that is healthy, for the provider's prompt cache. */
  session: Name.optional(),
  /** Adds `cost_usd`, a decimal string, beside the usage in the answer. */
  usage: z.boolean().optional(),
})
export type RelayOptions = z.infer<typeof RelayOptions>
