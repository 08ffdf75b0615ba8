import { fanOutEvents } from '#db/queries/webhooks/fan-out-events.ts'
import { type DueEndpoint, listDueEndpoints } from '#db/queries/webhooks/list-due-endpoints.ts'
import { logFailure } from '#workers/edge/log.ts'
import { nudgeWebhooks } from '#workers/services/events/nudge-webhooks.ts'
import type { Surroundings } from './env.ts'
import { beginsAtOnce, beginsTogether, endpointsListed, eventsTogether, fanOutRounds } from './limits.ts'

export type HandingOut = Pick<Surroundings, 'db' | 'queue' | 'deliverer'>

/** Events that were handed to endpoints, the deliveries that made, endpoints to which delivering began, and customers left to a further nudge. */
export type HandedOut = Record<'events' | 'deliveries' | 'begun' | 'handedOn', number>

/**
 * Hands the waiting events of these customers, or of all, to the endpoints that want them, and has everything delivered that is due. May run any number of
 * times, also at once. What is too much for one run is left to a nudge, or to the cron's next minute.
 */
export async function handOut({ db, queue, deliverer }: HandingOut, organizationIds: string[] | null): Promise<HandedOut> {
  const { events, deliveries, isRest } = await fanOut(db, organizationIds)
  const due = await listDueEndpoints(db, organizationIds, endpointsListed)
  const begun = await beginAll(deliverer, due.slice(0, beginsTogether))
  const left = isRest && organizationIds ? organizationIds : due.slice(beginsTogether).map(({ organizationId }) => organizationId)
  const handedOn = [...new Set(left)]
  await nudgeWebhooks(queue, handedOn)
  return { events, deliveries, begun, handedOn: handedOn.length }
}

async function fanOut(db: HandingOut['db'], organizationIds: string[] | null) {
  const sum = { events: 0, deliveries: 0, isRest: false }
  for (let round = 0; round < fanOutRounds; round++) {
    const { events, deliveries } = await fanOutEvents(db, organizationIds, eventsTogether)
    sum.events += events
    sum.deliveries += deliveries
    sum.isRest = events === eventsTogether
    if (!sum.isRest) break
  }
  return sum
}

/** One that cannot be begun holds up no other; it stays due. */
async function beginAll(deliverer: HandingOut['deliverer'], endpoints: DueEndpoint[]): Promise<number> {
  let begun = 0
  const waiting = endpoints.values()
  const callers = Array.from({ length: beginsAtOnce }, async () => {
    for (const { endpointId } of waiting) {
      await deliverer.begin({ endpointId }).then(
        () => begun++,
        (error: unknown) => logFailure('delivery_not_begun', error, { endpointId }),
      )
    }
  })
  await Promise.all(callers)
  return begun
}
