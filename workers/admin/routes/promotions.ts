import { Hono } from 'hono'
import { listPromotionCodes, type PromotionCodeRow } from '#db/queries/promotions/promotion-codes.ts'
import { readOrganization } from '#db/queries/read-organization.ts'
import {
  NewPromotion,
  NewPromotionCode,
  PromotionAnswer,
  PromotionCode,
  PromotionCodeList,
  PromotionCodePage,
  PromotionCodeText,
  PromotionList,
  PromotionPage,
} from '#shared/contracts/promotion.ts'
import { body, pathId, query } from '#workers/edge/parse.ts'
import { Problem } from '#workers/edge/problem.ts'
import { createCode } from '#workers/services/promotions/create-code.ts'
import { disableCode } from '#workers/services/promotions/disable-code.ts'
import { type GrantOutcome, grantPromotion } from '#workers/services/promotions/grant.ts'
import { listGrants } from '#workers/services/promotions/list-grants.ts'
import { shownGrant } from '#workers/services/promotions/shown-grant.ts'
import type { AdminContext } from '../env.ts'
import { maxBodyBytes, promotionsPerPage } from '../limits.ts'
import { found, organizationIdOf, platformOf } from '../platform.ts'

/** Codes that give promotional credit. */
export const promotionCodeRoutes = new Hono<AdminContext>()
  .get('/', query(PromotionCodePage), async (c) => {
    const { after = '' } = c.var.query
    const rows = await listPromotionCodes(c.var.surroundings.db, { afterCode: after, limit: promotionsPerPage })
    const next = rows.length === promotionsPerPage ? (rows.at(-1)?.code ?? null) : null
    return c.json(PromotionCodeList.parse({ codes: rows.map(codeOf), next }))
  })
  .post('/', body(NewPromotionCode, maxBodyBytes), async (c) => {
    const created = await createCode(platformOf(c), c.var.body)
    if (!created)
      throw new Problem('conflict', 'There is such a code already. Disabled ones stay, so that what they gave can be understood.')
    return c.json(PromotionCode.parse(codeOf(created)), 201)
  })
  .post('/:code/disable', async (c) => {
    const disabled = await disableCode(platformOf(c), pathId(c, 'code', PromotionCodeText))
    return c.json(PromotionCode.parse(codeOf(found(disabled, 'code'))))
  })

/** Promotional credit of a customer. */
export const promotionRoutes = new Hono<AdminContext>()
  .get('/', query(PromotionPage), async (c) => {
    const { db } = c.var.surroundings
    const { id } = found(await readOrganization(db, organizationIdOf(c)), 'customer')
    const rows = await listGrants(db, id, { beforeId: c.var.query.before ?? null, limit: promotionsPerPage })
    const next = rows.length === promotionsPerPage ? (rows.at(-1)?.id ?? null) : null
    return c.json(PromotionList.parse({ promotions: rows.map((grant) => shownGrant(grant, Date.now())), next }))
  })
  .post('/', body(NewPromotion, maxBodyBytes), async (c) =>
    c.json(PromotionAnswer.parse(answerOf(await grantPromotion(platformOf(c), organizationIdOf(c), c.var.body)))),
  )

function codeOf({ expiresAt, disabledAt, createdAt, ...row }: PromotionCodeRow): PromotionCode {
  const textOf = (time: Date | null) => time?.toISOString() ?? null
  return { ...row, expiresAt: textOf(expiresAt), disabledAt: textOf(disabledAt), createdAt: createdAt.toISOString() }
}

function answerOf(outcome: GrantOutcome): PromotionAnswer {
  if (outcome.outcome === 'granted') return outcome.answer
  switch (outcome.reason) {
    case 'organization_unknown':
      throw new Problem('not_found', 'There is no such customer.')
    case 'granted_before':
      throw new Problem('conflict', 'This idempotency key already stands for another grant. Nothing was given.')
    case 'balance_out_of_range':
      throw new Problem('amount_out_of_range', 'The balance would leave the range of 4.5 million dollars. Nothing was given.')
  }
}
