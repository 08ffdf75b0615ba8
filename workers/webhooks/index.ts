import { WorkerEntrypoint } from 'cloudflare:workers'
import { assert } from '#shared/values/assert.ts'
import { logFailure } from '#workers/edge/log.ts'
import { cleanUp } from './clean-up.ts'
import { consumeNudges } from './consume.ts'
import { deliver } from './deliver.ts'
import { type DelivererBinding, type Surroundings, surroundingsOf, type WebhooksEnv } from './env.ts'
import { handOut } from './hand-out.ts'
import { cleanUpCron, deliveriesCron } from './limits.ts'

/** Delivers to one endpoint, in an invocation of its own, which goes on for up to 30 s after `begin` has answered. */
export class Deliverer extends WorkerEntrypoint<WebhooksEnv> implements DelivererBinding {
  async begin({ endpointId }: { endpointId: string }): Promise<void> {
    this.ctx.waitUntil(deliverAndTell(surroundingsOf(this.env), endpointId))
  }
}

async function deliverAndTell(surroundings: Surroundings, endpointId: string): Promise<void> {
  try {
    const delivered = await deliver(surroundings, endpointId)
    if (delivered) console.log(JSON.stringify(delivered))
  } catch (error) {
    logFailure('webhooks_not_delivered', error, { endpointId })
  }
}

/** Each cron is an invocation of its own, so that a job that fails stops no other. Answers what it did, for the log. */
const jobs: Record<string, (surroundings: Surroundings) => Promise<Record<string, number>>> = {
  [deliveriesCron]: (surroundings) => handOut(surroundings, null),
  [cleanUpCron]: ({ db }) => cleanUp(db),
}

/** Consumer of the queue `webhooks`, which says for whom something is due; its crons look for what was left behind. It is reached by no request. */
export default {
  fetch: () => new Response('Not found', { status: 404 }),
  async queue(batch, env) {
    console.log(JSON.stringify(await consumeNudges(surroundingsOf(env), batch.messages)))
  },
  async scheduled({ cron }, env) {
    const job = jobs[cron]
    assert(job, `no job for the cron ${cron}`)
    try {
      const did = await job(surroundingsOf(env))
      if (Object.values(did).some((count) => count > 0)) console.log(JSON.stringify({ event: 'cron_done', cron, ...did }))
    } catch (error) {
      logFailure('cron_failed', error, { cron })
      throw error
    }
  },
} satisfies ExportedHandler<WebhooksEnv>
