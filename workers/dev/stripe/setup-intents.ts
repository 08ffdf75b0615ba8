import { z } from 'zod'
import { listPage, listParameters } from './lists.ts'
import { Text } from './parameters.ts'
import { route } from './route.ts'

export const setupIntentRoutes = [
  route('GET /v1/setup_intents', z.strictObject({ ...listParameters, customer: Text.optional() }), ({ store }, parameters) => {
    const all = store.list('setup_intent').filter((each) => (parameters.customer ?? each.customer) === each.customer)
    return listPage('/v1/setup_intents', all, parameters)
  }),
  route('GET /v1/setup_intents/:id', z.strictObject({}), ({ store }, _none, { ids: [id = ''] }) => store.need('setup_intent', id)),
]
