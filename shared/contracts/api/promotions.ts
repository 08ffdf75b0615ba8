import { z } from 'zod'
import { Promotion, PromotionCodeText } from '../promotion.ts'
import { operation } from './operation.ts'
import { PageQuery, pageOf } from './page.ts'

const root = '/api/organizations/:organizationId/billing/promotions'

export const promotionOperations = {
  list: operation({
    id: 'promotions.list',
    method: 'GET',
    path: root,
    access: 'ledger.read',
    summary: 'Promotional credit and what is left of it, the newest first',
    description: 'It is part of the balance and is spent before paid credit, that which ends first before the rest.',
    query: PageQuery,
    answer: pageOf(Promotion),
  }),
  redeem: operation({
    id: 'promotions.redeem',
    method: 'POST',
    path: `${root}/redeem`,
    access: 'billing.top_up',
    summary: 'Redeems a code for promotional credit',
    description: 'An organization redeems a code once. Answers 404 `not_found` alike for a code that is unknown, has ended or was used up.',
    body: z.strictObject({ code: PromotionCodeText }),
    answer: Promotion,
    status: 201,
    idempotent: 'answer',
  }),
}
