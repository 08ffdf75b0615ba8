import { ensurePartitions, monthsFrom } from '#db/queries/ensure-partitions.ts'
import { consume } from './consume.ts'
import { readPlatform, type UsageEnv } from './env.ts'
import { readyMonths } from './limits.ts'

/** Consumer of the queue `usage`; its cron keeps partitions ahead of time. It is reached by no request. */
export default {
  fetch: () => new Response('Not found', { status: 404 }),
  async queue(batch, env) {
    const summary = await consume(readPlatform(env), batch.messages)
    console.log(JSON.stringify(summary))
  },
  async scheduled(controller, env) {
    await ensurePartitions(readPlatform(env).db, monthsFrom(controller.scheduledTime, readyMonths))
    console.log(JSON.stringify({ event: 'partitions_ready', months: readyMonths }))
  },
} satisfies ExportedHandler<UsageEnv>
