import { assert } from '#shared/values/assert.ts'
import { logFailure } from '#workers/edge/log.ts'
import { openMailer } from '#workers/services/mail/mailer.ts'
import { connectSocket } from '#workers/services/mail/smtp/socket.ts'
import { apiApp } from './app.ts'
import { cleanUp } from './crons/clean-up.ts'
import { handOverDueMails } from './crons/hand-over-mails.ts'
import { alertsCron, cleanUpCron, leftoversCron, summariesCron } from './crons/limits.ts'
import { pushChanges } from './crons/push-changes.ts'
import { raiseAlerts } from './crons/raise-alerts.ts'
import { tellUsage } from './crons/tell-usage.ts'
import { type ApiEnv, type Surroundings, surroundingsOf } from './env.ts'
import { consumeMails } from './mail/consume.ts'

/** Answers what it did, for the log. */
type Job = (surroundings: Surroundings, scheduledTimeMs: number) => Promise<Record<string, number>>

/** What each cron does, side by side, so that a job that fails stops no other. */
const jobs: Record<string, Job[]> = {
  [leftoversCron]: [pushChanges, handOverDueMails],
  [alertsCron]: [raiseAlerts],
  [summariesCron]: [tellUsage],
  [cleanUpCron]: [({ db }) => cleanUp(db)],
}

/** What customers do outside of the endpoint; consumer of the queue `mail`; and the crons that look after what both leave. */
export default {
  fetch: apiApp.fetch,
  async queue(batch, env) {
    const surroundings = surroundingsOf(env)
    const office = { ...surroundings, openMailer: () => openMailer({ ...surroundings, connect: connectSocket }) }
    console.log(JSON.stringify(await consumeMails(office, batch.messages)))
  },
  async scheduled(controller, env) {
    const { cron, scheduledTime } = controller
    const some = jobs[cron]
    assert(some, `no job for the cron ${cron}`)
    const ended = await Promise.allSettled(some.map((job) => run(job, surroundingsOf(env), { cron, scheduledTime })))
    for (const end of ended) if (end.status === 'rejected') throw end.reason
  },
} satisfies ExportedHandler<ApiEnv>

async function run(job: Job, surroundings: Surroundings, { cron, scheduledTime }: { cron: string; scheduledTime: number }): Promise<void> {
  try {
    const did = await job(surroundings, scheduledTime)
    if (Object.values(did).some((count) => count > 0)) console.log(JSON.stringify({ event: 'cron_done', cron, ...did }))
  } catch (error) {
    logFailure('cron_failed', error, { cron })
    throw error
  }
}
