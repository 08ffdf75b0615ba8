import { stripeOperations as operations } from '#shared/contracts/api/stripe.ts'
import { endpoint } from '../endpoint.ts'
import { receiveStripeEvent } from '../payments/receive-event.ts'

export const stripeEndpoints = [
  endpoint(operations.receive, async ({ c, surroundings }) => {
    await receiveStripeEvent(surroundings, c.req.raw)
    return { received: true }
  }),
]
