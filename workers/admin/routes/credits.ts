import { Hono } from 'hono'
import { CreditAnswer, NewCredit } from '#shared/contracts/credit.ts'
import { body } from '#workers/edge/parse.ts'
import { Problem } from '#workers/edge/problem.ts'
import { type CreditOutcome, credit } from '#workers/services/billing/credit.ts'
import type { AdminContext } from '../env.ts'
import { maxBodyBytes } from '../limits.ts'
import { organizationIdOf, platformOf } from '../platform.ts'

export const creditRoutes = new Hono<AdminContext>().post('/', body(NewCredit, maxBodyBytes), async (c) =>
  c.json(CreditAnswer.parse(answerOf(await credit(platformOf(c), organizationIdOf(c), c.var.body)))),
)

function answerOf(outcome: CreditOutcome): CreditAnswer {
  if (outcome.outcome === 'posted') return outcome.answer
  switch (outcome.reason) {
    case 'organization_unknown':
      throw new Problem('not_found', 'There is no such customer.')
    case 'event_reused':
      throw new Problem('conflict', 'This idempotency key already stands for another amount or another customer. Nothing was posted.')
    case 'balance_out_of_range':
      throw new Problem(
        'amount_out_of_range',
        'The balance would leave the range of 4.5 million dollars to either side. Nothing was posted.',
      )
  }
}
