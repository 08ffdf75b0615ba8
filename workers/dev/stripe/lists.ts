import { z } from 'zod'
import { Integer, Text } from './parameters.ts'
import { invalidRequest } from './refusal.ts'

const Limit = Integer.refine((limit) => limit >= 1 && limit <= 100, 'must be from 1 to 100')

/** What every list takes. */
export const listParameters = {
  limit: Limit.optional(),
  starting_after: Text.optional(),
  ending_before: Text.optional(),
  created: z.strictObject({ gt: Integer.optional(), gte: Integer.optional(), lt: Integer.optional(), lte: Integer.optional() }).optional(),
}
const ListParameters = z.object(listParameters)

type Listed = { id: string; object: string; created: number }

/** One page of what is given with the newest first. */
export function listPage<T extends Listed>(url: string, all: T[], parameters: z.output<typeof ListParameters>): object {
  const { limit = 10, starting_after: after, ending_before: before, created: { gt, gte, lt, lte } = {} } = parameters
  const found = all.filter(
    ({ created }) => created > (gt ?? -1) && created >= (gte ?? 0) && created < (lt ?? Infinity) && created <= (lte ?? Infinity),
  )
  if (before !== undefined) {
    const earlier = found.slice(0, indexOf(found, before, 'ending_before'))
    return { object: 'list', url, has_more: earlier.length > limit, data: earlier.slice(-limit) }
  }
  const rest = after === undefined ? found : found.slice(indexOf(found, after, 'starting_after') + 1)
  return { object: 'list', url, has_more: rest.length > limit, data: rest.slice(0, limit) }
}

function indexOf(all: Listed[], id: string, param: string): number {
  const index = all.findIndex((each) => each.id === id)
  if (index < 0) throw invalidRequest(`No such object: '${id}'`, { code: 'resource_missing', param })
  return index
}
