import type { Db } from '#db/client.ts'
import type { Limits } from '#shared/contracts/account.ts'
import { maxAmountNanos } from '#shared/values/money.ts'
import { changeKey } from '#workers/services/keys/change.ts'
import { createOrganization } from '#workers/services/organizations/create.ts'
import { nodePlatform } from '#workers/services/testing/node-platform.ts'

/** As high as limits go: every one of them is checked and counted on every request, and none refuses. */
const limits: Limits = {
  requestsPerMinute: 10_000_000,
  tokensPerMinute: 100_000_000_000,
  requestsPerDay: 10_000_000_000,
  concurrency: 100_000,
}

export interface BenchCustomer {
  organizationId: string
  keyId: string
  apiKey: string
  creditNanos: number
}

/** A customer as the operator would make it: credit, one key, limits on both. */
export async function makeCustomer(db: Db): Promise<BenchCustomer> {
  const platform = nodePlatform(db)
  const creditNanos = maxAmountNanos
  const created = await createOrganization(platform, { name: 'Benchmark', creditNanos, limits })
  await changeKey(platform, created, { limits })
  return { ...created, creditNanos }
}
