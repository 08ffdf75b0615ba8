import { z } from 'zod'
import { listPage, listParameters } from './lists.ts'
import { Text } from './parameters.ts'
import { route } from './route.ts'

const List = z.strictObject({ ...listParameters, customer: Text.optional(), payment_intent: Text.optional() })

export const chargeRoutes = [
  route('GET /v1/charges', List, ({ store }, parameters) => {
    const { customer, payment_intent: intent } = parameters
    const all = store
      .list('charge')
      .filter((each) => (customer ?? each.customer) === each.customer && (intent ?? each.payment_intent) === each.payment_intent)
    return listPage('/v1/charges', all, parameters)
  }),
  route('GET /v1/charges/:id', z.strictObject({}), ({ store }, _none, { ids: [id = ''] }) => store.need('charge', id)),
]
