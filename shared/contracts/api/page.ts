import { z } from 'zod'

/** A page of a list: at most `limit` entries behind `cursor`, which the page before gave as `next`. A cursor is opaque and of one list only. */
export const PageQuery = z.strictObject({
  cursor: z
    .string()
    .max(500)
    .regex(/^[A-Za-z0-9_-]+$/, 'is not a cursor that this API gave')
    .optional(),
  limit: z.coerce.number().int().min(1).max(200).default(50),
})
export type PageQuery = z.output<typeof PageQuery>

/** `next` is the cursor of the next page, null on the last one. */
export function pageOf<Entry extends z.ZodType>(entry: Entry) {
  return z.object({ data: z.array(entry), next: z.string().nullable() })
}
