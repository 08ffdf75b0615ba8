import { z } from 'zod'
import { listParameters } from './lists.ts'
import { Amount, Currency, Flag, Integer, listOf, Metadata, Text, Url } from './parameters.ts'

const Auto = z.enum(['auto', 'never'])
const Enabled = z.strictObject({ enabled: Flag })
const TaxBehavior = z.enum(['inclusive', 'exclusive', 'unspecified'])

export const LineItem = z.strictObject({
  price_data: z.strictObject({
    currency: Currency,
    unit_amount: Amount,
    tax_behavior: TaxBehavior.optional(),
    product_data: z.strictObject({
      name: Text,
      description: Text.optional(),
      metadata: Metadata.optional(),
      tax_code: z
        .string()
        .regex(/^txcd_\d{8}$/, 'is no tax code')
        .optional(),
    }),
  }),
  quantity: Integer.refine((count) => count >= 1, 'must be one or more'),
})

/** What both modes take. */
const shared = {
  allowed_payment_method_types: listOf(z.enum(['card', 'us_bank_account'])).optional(),
  success_url: Url,
  cancel_url: Url.optional(),
  client_reference_id: z.string().min(1).max(200).optional(),
  customer: Text.optional(),
  customer_email: z.email().optional(),
  customer_update: z.strictObject({ address: Auto.optional(), name: Auto.optional(), shipping: Auto.optional() }).optional(),
  billing_address_collection: z.enum(['auto', 'required']).optional(),
  expires_at: Integer.optional(),
  locale: z
    .string()
    .regex(/^(auto|[a-z]{2}(-[A-Z0-9]{2,3})?|fil)$/, 'is no locale')
    .optional(),
  metadata: Metadata.optional(),
  ui_mode: z.literal('hosted_page').optional(),
}

const PaymentSession = z.strictObject({
  mode: z.literal('payment'),
  ...shared,
  currency: Currency.optional(),
  line_items: listOf(LineItem).refine((items) => items.length > 0, 'must not be empty'),
  automatic_tax: Enabled.optional(),
  customer_creation: z.enum(['always', 'if_required']).optional(),
  invoice_creation: z
    .strictObject({
      enabled: Flag,
      invoice_data: z.strictObject({ description: Text.optional(), footer: Text.optional(), metadata: Metadata.optional() }).optional(),
    })
    .optional(),
  payment_intent_data: z
    .strictObject({
      description: Text.optional(),
      metadata: Metadata.optional(),
      receipt_email: z.email().optional(),
      setup_future_usage: z.enum(['off_session', 'on_session']).optional(),
    })
    .optional(),
  submit_type: z.enum(['auto', 'book', 'donate', 'pay', 'subscribe']).optional(),
  tax_id_collection: Enabled.optional(),
})

const SetupSession = z.strictObject({
  mode: z.literal('setup'),
  ...shared,
  currency: Currency.optional(),
  setup_intent_data: z.strictObject({ description: Text.optional(), metadata: Metadata.optional() }).optional(),
})

/** Parameters of a new checkout session. What belongs to one mode only is unknown to the other. */
export const NewSession = z.discriminatedUnion('mode', [PaymentSession, SetupSession])
export type NewSession = z.output<typeof NewSession>
export type PaymentOrder = z.output<typeof PaymentSession>

/** What a session was asked for; of a payment also the page that `emulate` shows for it. */
export type Order = { parameters: z.output<typeof SetupSession> } | { parameters: PaymentOrder; hostedId: string }

export const SessionList = z.strictObject({
  ...listParameters,
  customer: Text.optional(),
  payment_intent: Text.optional(),
  status: z.enum(['open', 'complete', 'expired']).optional(),
})
