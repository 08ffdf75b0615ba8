import { z } from 'zod'

/**
 * What the queue `webhooks` carries: that customers have events or deliveries that are due. It may be lost or come twice, since all that matters is in Postgres.
 */
export const WebhookNudge = z.object({ organizationIds: z.array(z.string()).min(1).max(1_000) })
export type WebhookNudge = z.infer<typeof WebhookNudge>
