import { z } from 'zod'
import { listPage, listParameters } from './lists.ts'
import { Flag, listOf, Text } from './parameters.ts'
import { route } from './route.ts'

const List = z.strictObject({
  ...listParameters,
  type: Text.optional(),
  types: listOf(Text).optional(),
  delivery_success: Flag.optional(),
})

export const eventRoutes = [
  route('GET /v1/events', List, ({ store }, parameters) => {
    const { type, types, delivery_success: delivered } = parameters
    const all = store.list('event').filter((each) => {
      return (
        (type ?? each.type) === each.type &&
        (types?.includes(each.type) ?? true) &&
        (delivered ?? each.pending_webhooks === 0) === (each.pending_webhooks === 0)
      )
    })
    return listPage('/v1/events', all, parameters)
  }),
  route('GET /v1/events/:id', z.strictObject({}), ({ store }, _none, { ids: [id = ''] }) => store.need('event', id)),
]
