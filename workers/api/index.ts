import { assert } from '#shared/values/assert.ts'
import { logFailure } from '#workers/edge/log.ts'
import { openMailer } from '#workers/services/mail/mailer.ts'
import { connectSocket } from '#workers/services/mail/smtp/socket.ts'
import { apiApp } from './app.ts'
import { cleanUp } from './crons/clean-up.ts'
import { expirePromotions } from './crons/expire-promotions.ts'
import { handOverDueMails } from './crons/hand-over-mails.ts'
import { alertsCron, cleanUpCron, minuteCron, paymentsCron, summariesCron } from './crons/limits.ts'
import { pushChanges } from './crons/push-changes.ts'
import { raiseAlerts } from './crons/raise-alerts.ts'
import { tellUsage } from './crons/tell-usage.ts'
import { type ApiEnv, type Surroundings, surroundingsOf } from './env.ts'
import { consumeMails } from './mail/consume.ts'
import { runAutomaticTopUps } from './payments/automatic/run.ts'
import { reconcilePayments } from './payments/reconcile-payments.ts'
import { consumePayments } from './payments/settle-events.ts'
import { sweepPayments } from './payments/sweep.ts'

/** Answers what it did, for the log. */
type Job = (surroundings: Surroundings, scheduledTimeMs: number) => Promise<Record<string, number>>

/** What each cron does, side by side. */
const jobs: Record<string, Job[]> = {
  [minuteCron]: [pushChanges, handOverDueMails, sweepPayments, (surroundings) => runAutomaticTopUps(surroundings)],
  [alertsCron]: [raiseAlerts, expirePromotions],
  [summariesCron]: [tellUsage],
  [cleanUpCron]: [({ db }) => cleanUp(db)],
  [paymentsCron]: [reconcilePayments],
}

/** What customers do outside of the endpoint; consumer of the queues `mail` and `payments`; and the crons that look after what these leave. */
export default {
  fetch: apiApp.fetch,
  async queue(batch, env) {
    const surroundings = surroundingsOf(env)
    if (batch.queue === 'payments') {
      console.log(JSON.stringify(await consumePayments(surroundings, batch.messages)))
      return
    }
    const office = { ...surroundings, openMailer: () => openMailer({ ...surroundings, connect: connectSocket }) }
    console.log(JSON.stringify(await consumeMails(office, batch.messages)))
  },
  async scheduled(controller, env) {
    const { cron, scheduledTime } = controller
    const due = jobs[cron]
    assert(due, `no job for the cron ${cron}`)
    const surroundings = surroundingsOf(env)
    // A job that fails stops no other, and the invocation has failed nevertheless.
    const outcomes = await Promise.allSettled(due.map((job) => run(cron, () => job(surroundings, scheduledTime))))
    for (const outcome of outcomes) if (outcome.status === 'rejected') throw outcome.reason
  },
} satisfies ExportedHandler<ApiEnv>

async function run(cron: string, job: () => Promise<Record<string, number>>): Promise<void> {
  try {
    const did = await job()
    if (Object.values(did).some((count) => count > 0)) console.log(JSON.stringify({ event: 'cron_done', cron, ...did }))
  } catch (error) {
    logFailure('cron_failed', error, { cron })
    throw error
  }
}
