import { z } from 'zod'

/** What the queue `payments` carries: an event of Stripe's that is stored in `stripe_events`. It may be lost or come twice. */
export const PaymentMessage = z.object({ stripeEventId: z.string() })
export type PaymentMessage = z.infer<typeof PaymentMessage>
