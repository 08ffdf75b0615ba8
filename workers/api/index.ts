import { assert } from '#shared/values/assert.ts'
import { logFailure } from '#workers/edge/log.ts'
import { openMailer } from '#workers/services/mail/mailer.ts'
import { connectSocket } from '#workers/services/mail/smtp/socket.ts'
import { apiApp } from './app.ts'
import { cleanUp } from './crons/clean-up.ts'
import { expirePromotions } from './crons/expire-promotions.ts'
import { alertsCron, cleanUpCron, pushesCron } from './crons/limits.ts'
import { pushChanges } from './crons/push-changes.ts'
import { raiseAlerts } from './crons/raise-alerts.ts'
import { type ApiEnv, type Surroundings, surroundingsOf } from './env.ts'
import { consumeMails } from './mail/consume.ts'

/** Answers what it did, for the log. */
type Job = (surroundings: Surroundings, scheduledTimeMs: number) => Promise<Record<string, number>>

/** What each cron does, one after the other; a job that fails stops no other. */
const jobs: Record<string, Job[]> = {
  [pushesCron]: [(surroundings) => pushChanges(surroundings)],
  [alertsCron]: [raiseAlerts, expirePromotions],
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
    const ofCron = jobs[cron]
    assert(ofCron, `no job for the cron ${cron}`)
    const failures: unknown[] = []
    for (const job of ofCron) {
      try {
        const did = await job(surroundingsOf(env), scheduledTime)
        if (Object.values(did).some((count) => count > 0)) console.log(JSON.stringify({ event: 'cron_done', cron, ...did }))
      } catch (error) {
        logFailure('cron_failed', error, { cron })
        failures.push(error)
      }
    }
    if (failures.length > 0) throw new AggregateError(failures, `jobs of the cron ${cron} failed`)
  },
} satisfies ExportedHandler<ApiEnv>
