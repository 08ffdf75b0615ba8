import { summarizeUsage } from '#db/queries/events/summarize-usage.ts'
import { nudgeWebhooks } from '#workers/services/events/nudge-webhooks.ts'
import { summarizedDays } from './limits.ts'
import type { Raising } from './raise-alerts.ts'
import { utcDayOf } from './utc-day.ts'

const dayMs = 86_400_000

/** Tells customers what they used yesterday, and in the days before where no run has told it. */
export async function tellUsage({ db, webhooks }: Raising, nowMs: number): Promise<{ told: number }> {
  const days = { firstDay: utcDayOf(nowMs - summarizedDays * dayMs), lastDay: utcDayOf(nowMs - dayMs) }
  const told = await summarizeUsage(db, days)
  await nudgeWebhooks(webhooks, told)
  return { told: told.length }
}
