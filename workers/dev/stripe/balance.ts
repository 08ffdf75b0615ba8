import { z } from 'zod'
import { route } from './route.ts'

/** What has come in and not gone back: mostly asked to see whether a key works. */
export const balanceRoutes = [
  route('GET /v1/balance', z.strictObject({}), ({ store }) => {
    const amount = store.list('charge').reduce((sum, each) => sum + each.amount_captured - each.amount_refunded, 0)
    const parts = { amount, currency: 'usd', source_types: { card: amount } }
    return { object: 'balance', available: [parts], livemode: false, pending: [{ ...parts, amount: 0, source_types: { card: 0 } }] }
  }),
]
