import { z } from 'zod'

/** Asks for the page before an id. */
export const PageBefore = z.strictObject({ before: z.coerce.number().int().min(1).max(Number.MAX_SAFE_INTEGER).optional() })
