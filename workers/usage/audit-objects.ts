import { readAuditFacts } from '#db/queries/read-audit-facts.ts'
import type { LedgerAudit } from '#shared/contracts/ledger.ts'
import type { Finding } from '#shared/contracts/reconciliation.ts'
import { reasonOf } from '#workers/edge/log.ts'
import type { AuditPlatform } from './env.ts'
import { claimedEvents, judgeAudit } from './judge-audit.ts'
import { auditsAtOnce, auditsTogether, auditTimeoutMs } from './limits.ts'

export interface AuditPatience {
  secondLookAfterMs: number
  openTooLongMs: number
}

/**
 * Compares the objects of these customers with Postgres. A finding is one that is there twice, with a wait between: traffic goes on, and
 * what a settlement leaves open for a moment has gone by the second look, which asks the object after Postgres was read for the first.
 */
export async function auditObjects(platform: AuditPlatform, organizationIds: string[], patience: AuditPatience): Promise<Finding[]> {
  const first = new Map((await look(platform, organizationIds, patience)).map((finding) => [identityOf(finding), finding]))
  if (first.size === 0) return []
  await new Promise((resolve) => setTimeout(resolve, patience.secondLookAfterMs))
  const suspects = [...new Set([...first.values()].map((finding) => finding.organizationId))]
  const second = await look(platform, suspects, patience)
  return second.filter((finding) => first.has(identityOf(finding)))
}

/** Asks the objects first and Postgres after them: whatever an object has heard of, Postgres had before. */
async function look(platform: AuditPlatform, organizationIds: string[], patience: AuditPatience): Promise<Finding[]> {
  const findings: Finding[] = []
  for (let start = 0; start < organizationIds.length; start += auditsTogether) {
    const audits = new Map<string, LedgerAudit>()
    const waiting = organizationIds.slice(start, start + auditsTogether)
    const callers = Array.from({ length: auditsAtOnce }, async () => {
      for (let organizationId = waiting.pop(); organizationId !== undefined; organizationId = waiting.pop()) {
        try {
          audits.set(organizationId, await auditOf(platform, organizationId))
        } catch (error) {
          findings.push({ organizationId, kind: 'ledger_unreachable', subject: null, expected: 'an answer', found: reasonOf(error) })
        }
      }
    })
    await Promise.all(callers)
    const claims = [...audits].map(([organizationId, audit]) => ({ organizationId, eventIds: claimedEvents(audit) }))
    for (const facts of claims.length > 0 ? await readAuditFacts(platform.db, claims) : []) {
      const audit = audits.get(facts.organizationId)
      if (audit) findings.push(...judgeAudit(audit, facts, Date.now(), patience.openTooLongMs))
    }
  }
  return findings
}

async function auditOf(platform: AuditPlatform, organizationId: string): Promise<LedgerAudit> {
  let timer: ReturnType<typeof setTimeout> | undefined
  const tooLate = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`no answer within ${auditTimeoutMs} ms`)), auditTimeoutMs)
  })
  try {
    return await Promise.race([platform.ledger.getByName(organizationId).audit({}), tooLate])
  } finally {
    clearTimeout(timer)
  }
}

function identityOf({ organizationId, kind, subject }: Finding): string {
  return JSON.stringify([organizationId, kind, subject])
}
