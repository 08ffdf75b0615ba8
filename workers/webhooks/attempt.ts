import type { MadeAttempt } from '#db/queries/webhooks/record-attempt.ts'
import type { CustomerEvent } from '#shared/contracts/events/customer-event.ts'
import { checkTarget } from '#workers/services/targets/check-target.ts'
import { judgeTarget } from '#workers/services/targets/judge-target.ts'
import type { TargetAccess } from '#workers/services/targets/settings.ts'
import { readAnswerStart } from './answer-start.ts'
import { askedWaitMs } from './schedule.ts'
import { signatureHeaders } from './signature.ts'

/** What came of one attempt. */
export type AttemptResult = Pick<MadeAttempt, 'outcome' | 'status' | 'answer'> & {
  /** How long the endpoint asked to be left alone, in milliseconds; null when it did not. */
  askedMs: number | null
}

/** Sends an event to a URL once, if that is a place we may send to. Never throws for what the far side does. */
export async function attempt(
  url: string,
  event: CustomerEvent,
  secrets: string[],
  { targets, timeoutMs }: { targets: TargetAccess; timeoutMs: number },
): Promise<AttemptResult> {
  const checked = checkTarget(url, targets.rules)
  const judged = checked.outcome === 'ok' ? await judgeTarget(checked.url, targets.rules, targets.resolver) : checked
  if (judged.outcome === 'refused') return unanswered('target_refused', judged.reason)
  if (judged.outcome === 'unknown') return unanswered('unreachable', 'The addresses of the host could not be found out.')
  const payload = JSON.stringify(event)
  const headers = {
    'content-type': 'application/json',
    'user-agent': 'Rocket-Relay-Webhooks/1',
    ...signatureHeaders(secrets, event.id, new Date(), payload),
  }
  const signal = AbortSignal.timeout(timeoutMs)
  try {
    const response = await fetch(url, { method: 'POST', headers, body: payload, redirect: 'manual', signal })
    const { ok, status } = response
    const isBusy = status === 429 || status === 503
    const askedMs = isBusy ? askedWaitMs(response.headers.get('retry-after'), Date.now()) : null
    return { outcome: ok ? 'delivered' : 'refused', status, answer: await readAnswerStart(response, signal), askedMs }
  } catch {
    // What a fault of the network says names addresses of ours as well, so only its kind is told.
    return signal.aborted
      ? unanswered('timeout', `No answer within ${timeoutMs / 1_000} s.`)
      : unanswered('unreachable', 'No connection, or it was closed before an answer.')
  }
}

function unanswered(outcome: 'target_refused' | 'unreachable' | 'timeout', answer: string): AttemptResult {
  return { outcome, status: null, answer, askedMs: null }
}
