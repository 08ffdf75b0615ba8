import { z } from 'zod'

/**
 * A usage event that Postgres refused for what it says. Its debit waits in the customer's ledger, which sends it again until somebody removed the
 * cause; the parked copy stays.
 */
export const ParkedEventView = z.object({
  id: z.int(),
  /** Null when it was too broken to have one. */
  eventId: z.string().nullable(),
  organizationId: z.string().nullable(),
  reason: z.string(),
  /** When it was recorded after all; null while it waits. */
  recordedAt: z.iso.datetime().nullable(),
  createdAt: z.iso.datetime(),
})
export type ParkedEventView = z.infer<typeof ParkedEventView>

/** One page, newest first; `next` as in CustomerEventList. */
export const ParkedEventList = z.object({ parked: z.array(ParkedEventView), next: z.int().nullable() })
export type ParkedEventList = z.infer<typeof ParkedEventList>
