import { z } from 'zod'
import { operation } from './operation.ts'

export const stripeOperations = {
  receive: operation({
    id: 'stripe.receive',
    method: 'POST',
    path: '/api/stripe/events',
    access: 'public',
    summary: 'Takes an event of Stripe',
    description:
      'For Stripe alone: the header `Stripe-Signature` shows that the body came from there. An event is stored once by its id, and settled later: what is answered only says that it was taken.',
    answer: z.object({ received: z.boolean() }),
  }),
}
