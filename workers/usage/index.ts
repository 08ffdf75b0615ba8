import { ensurePartitions, monthsFrom } from '#db/queries/ensure-partitions.ts'
import { assert } from '#shared/values/assert.ts'
import { logFailure } from '#workers/edge/log.ts'
import { consume } from './consume.ts'
import { readPlatform, type UsageEnv } from './env.ts'
import { partitionsCron, readyMonths, reconciliationCron } from './limits.ts'
import { reconcileBooks } from './reconcile.ts'

type Job = (env: UsageEnv, scheduledTimeMs: number) => Promise<void>

/** Each cron is an invocation of its own, so that a job that fails stops no other. */
const jobs: Record<string, Job> = {
  async [partitionsCron](env, scheduledTimeMs) {
    await ensurePartitions(readPlatform(env).db, monthsFrom(scheduledTimeMs, readyMonths))
    console.log(JSON.stringify({ event: 'partitions_ready', months: readyMonths }))
  },
  async [reconciliationCron](env) {
    const summary = await reconcileBooks(readPlatform(env))
    const line = JSON.stringify(summary)
    if (summary.findings > 0) console.error(line)
    else console.log(line)
  },
}

/** Consumer of the queue `usage`; its crons keep partitions ahead of time and reconcile the books. It is reached by no request. */
export default {
  fetch: () => new Response('Not found', { status: 404 }),
  async queue(batch, env) {
    const summary = await consume(readPlatform(env), batch.messages)
    console.log(JSON.stringify(summary))
  },
  async scheduled(controller, env) {
    const job = jobs[controller.cron]
    assert(job, `no job for the cron ${controller.cron}`)
    try {
      await job(env, controller.scheduledTime)
    } catch (error) {
      logFailure('cron_failed', error, { cron: controller.cron })
      throw error
    }
  },
} satisfies ExportedHandler<UsageEnv>
