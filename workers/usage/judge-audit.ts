import type { AuditFacts } from '#db/queries/read-audit-facts.ts'
import type { LedgerAudit } from '#shared/contracts/ledger.ts'
import type { Finding, FindingKind } from '#shared/contracts/reconciliation.ts'

/** How an object's claims of holds and events are named in Postgres: by the ids of the entries that end them. */
export function claimedEvents(audit: LedgerAudit): string[] {
  return [...audit.holds.map(({ requestId }) => settlementId(requestId)), ...audit.unconfirmed.map(({ eventId }) => eventId)]
}

/** What an object says against what Postgres said after it. `tooLongMs` is how long something may be open. */
export function judgeAudit(audit: LedgerAudit, facts: AuditFacts, nowMs: number, tooLongMs: number): Finding[] {
  const findingOf = (kind: FindingKind, subject: string | null, expected: string, found: string): Finding => {
    return { organizationId: facts.organizationId, kind, subject, expected, found }
  }
  const findings = [...judgeBalance(audit, facts, findingOf)]
  const recordedAtMs = new Map(facts.recorded.map(({ eventId, atMs }) => [eventId, atMs]))
  const parked = new Map(facts.parked.map(({ eventId, reason }) => [eventId, reason]))

  for (const { requestId, holdNanos, leaseExpiresAtMs } of audit.holds) {
    if (recordedAtMs.has(settlementId(requestId))) findings.push(findingOf('hold_after_settlement', requestId, '0', String(holdNanos)))
    else if (nowMs - leaseExpiresAtMs >= tooLongMs)
      findings.push(findingOf('hold_overdue', requestId, isoOf(leaseExpiresAtMs), String(holdNanos)))
  }

  const unheard: Finding[] = []
  const missing: Finding[] = []
  for (const { eventId, amountNanos, settledAtMs } of audit.unconfirmed) {
    if (nowMs - settledAtMs < tooLongMs) continue
    const atMs = recordedAtMs.get(eventId)
    const reason = parked.get(eventId)
    if (atMs !== undefined) {
      if (nowMs - atMs >= tooLongMs) unheard.push(findingOf('event_unconfirmed', eventId, isoOf(atMs), String(amountNanos)))
    } else if (reason !== undefined) missing.push(findingOf('event_parked', eventId, String(amountNanos), reason))
    else missing.push(findingOf('event_unrecorded', eventId, String(amountNanos), 'none'))
  }
  // The object keeps confirmed events stored beside one that is not, and a restart counts them again: only the one that is missing is at fault.
  return [...findings, ...(missing.length > 0 ? missing : unheard)]
}

type FindingOf = (kind: FindingKind, subject: null, expected: string, found: string) => Finding

/** Postgres was read after the object: an older version there is a fault, a newer one is only not yet heard of. */
function judgeBalance({ balance }: LedgerAudit, { account }: AuditFacts, findingOf: FindingOf): Finding[] {
  if (!balance || !account) return []
  if (balance.version > account.version) return [findingOf('ledger_ahead', null, String(account.version), String(balance.version))]
  const found = String(balance.balanceNanos)
  if (balance.version < account.version || found === account.balanceNanos) return []
  return [findingOf('ledger_balance_differs', null, account.balanceNanos, found)]
}

function settlementId(requestId: string): string {
  return `${requestId}:settlement`
}

function isoOf(timeMs: number): string {
  return new Date(timeMs).toISOString()
}
