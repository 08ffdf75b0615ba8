/** Objects of Stripe's API, with the fields that are played. Amounts are in cents, times in seconds since the epoch. */

export type StringRecord = Record<string, string>

interface Base<Name extends string> {
  id: string
  object: Name
  created: number
  livemode: false
}

export interface Address {
  city: string | null
  country: string | null
  line1: string | null
  line2: string | null
  postal_code: string | null
  state: string | null
}

export interface Customer extends Base<'customer'> {
  address: Address | null
  balance: number
  currency: string | null
  default_source: null
  delinquent: false
  description: string | null
  email: string | null
  invoice_prefix: string
  invoice_settings: { custom_fields: null; default_payment_method: string | null; footer: null; rendering_options: null }
  metadata: StringRecord
  name: string | null
  phone: string | null
  shipping: null
  tax_exempt: 'none'
}

export interface Card {
  brand: string
  country: string
  display_brand: string
  exp_month: number
  exp_year: number
  fingerprint: string
  funding: 'credit'
  last4: string
}

export interface BankAccount {
  account_holder_type: 'individual'
  account_type: 'checking'
  bank_name: string
  last4: string
}

export interface PaymentMethod extends Base<'payment_method'> {
  allow_redisplay: 'unspecified'
  billing_details: { address: null; email: string | null; name: string | null; phone: null }
  card?: Card
  customer: string | null
  metadata: StringRecord
  type: 'card' | 'us_bank_account'
  us_bank_account?: BankAccount
}

export interface SetupIntent extends Base<'setup_intent'> {
  client_secret: string
  customer: string | null
  description: string | null
  last_setup_error: null
  latest_attempt: null
  metadata: StringRecord
  payment_method: string | null
  payment_method_types: string[]
  status: 'requires_payment_method' | 'succeeded'
  usage: 'off_session'
}

export interface PaymentError {
  type: 'card_error'
  code: string
  decline_code: string
  message: string
  charge: string
  payment_method: PaymentMethod
}

export interface PaymentIntent extends Base<'payment_intent'> {
  amount: number
  amount_capturable: 0
  amount_received: number
  canceled_at: null
  capture_method: 'automatic_async'
  client_secret: string
  confirmation_method: 'automatic'
  currency: string
  customer: string | null
  description: string | null
  last_payment_error: PaymentError | null
  latest_charge: string | null
  metadata: StringRecord
  next_action: null
  payment_method: string | null
  payment_method_types: string[]
  receipt_email: string | null
  setup_future_usage: 'off_session' | 'on_session' | null
  status: 'requires_payment_method' | 'processing' | 'succeeded'
}

export interface Charge extends Base<'charge'> {
  amount: number
  amount_captured: number
  amount_refunded: number
  balance_transaction: string | null
  billing_details: PaymentMethod['billing_details']
  captured: boolean
  currency: string
  customer: string | null
  description: string | null
  disputed: boolean
  failure_code: string | null
  failure_message: string | null
  metadata: StringRecord
  outcome: { network_status: string; reason: string | null; risk_level: 'normal'; seller_message: string; type: string }
  paid: boolean
  payment_intent: string
  payment_method: string
  payment_method_details: { type: string; card?: Card; us_bank_account?: BankAccount }
  receipt_email: string | null
  receipt_number: null
  receipt_url: string | null
  refunded: boolean
  status: 'succeeded' | 'pending' | 'failed'
}

export interface Refund {
  id: string
  object: 'refund'
  amount: number
  balance_transaction: string | null
  charge: string
  created: number
  currency: string
  customer: string | null
  failure_balance_transaction?: string
  failure_reason?: string
  metadata: StringRecord
  payment_intent: string
  payment_method: string
  reason: string | null
  receipt_number: null
  status: 'succeeded' | 'failed'
}

export interface BalanceTransaction {
  id: string
  object: 'balance_transaction'
  amount: number
  created: number
  currency: string
  net: number
  reporting_category: 'dispute' | 'dispute_reversal'
  source: string
  type: 'adjustment'
}

export interface Dispute extends Base<'dispute'> {
  amount: number
  balance_transactions: BalanceTransaction[]
  charge: string
  currency: string
  evidence_details: { due_by: number; has_evidence: false; past_due: false; submission_count: 0 }
  is_charge_refundable: false
  metadata: StringRecord
  payment_intent: string
  reason: string
  status: 'needs_response' | 'won' | 'lost'
}

export interface Invoice extends Base<'invoice'> {
  amount_due: number
  amount_paid: number
  amount_remaining: 0
  billing_reason: 'manual'
  collection_method: 'charge_automatically'
  currency: string
  customer: string | null
  customer_email: string | null
  customer_name: string | null
  description: string | null
  hosted_invoice_url: string
  invoice_pdf: string
  metadata: StringRecord
  number: string
  status: 'paid'
  subtotal: number
  total: number
  total_excluding_tax: number
}

/** What an invoice was paid by. */
export interface InvoicePayment extends Base<'invoice_payment'> {
  amount_paid: number
  amount_requested: number
  currency: string
  invoice: string
  is_default: true
  payment: { type: 'payment_intent'; payment_intent: string }
  status: 'paid'
  status_transitions: { canceled_at: null; paid_at: number }
}

export interface CheckoutSession extends Base<'checkout.session'> {
  allowed_payment_method_types: string[] | null
  amount_subtotal: number | null
  amount_total: number | null
  automatic_tax: { enabled: boolean; status: 'complete' | null }
  cancel_url: string | null
  client_reference_id: string | null
  currency: string | null
  customer: string | null
  customer_creation: 'always' | 'if_required' | null
  customer_details: { email: string | null; name: string | null; phone: null; tax_exempt: 'none'; tax_ids: [] } | null
  customer_email: string | null
  expires_at: number
  invoice: string | null
  invoice_creation: { enabled: boolean } | null
  locale: string | null
  metadata: StringRecord
  mode: 'payment' | 'setup'
  payment_intent: string | null
  payment_method_types: string[]
  payment_status: 'unpaid' | 'paid' | 'no_payment_required'
  setup_intent: string | null
  status: 'open' | 'complete' | 'expired'
  subscription: null
  success_url: string
  tax_id_collection: { enabled: boolean }
  total_details: { amount_discount: 0; amount_shipping: 0; amount_tax: number } | null
  ui_mode: 'hosted_page'
  url: string | null
}

export interface PortalSession extends Base<'billing_portal.session'> {
  configuration: string
  customer: string
  locale: string | null
  return_url: string
  url: string
}

/** What made an event: a request of the API; both null when it was none. */
export interface Cause {
  id: string | null
  idempotency_key: string | null
}

export interface StripeEvent extends Base<'event'> {
  api_version: string
  data: { object: object }
  pending_webhooks: number
  request: Cause
  type: string
}

/** Every kind of object, by the name it has in its field `object`. */
export interface Kinds {
  customer: Customer
  payment_method: PaymentMethod
  setup_intent: SetupIntent
  payment_intent: PaymentIntent
  charge: Charge
  refund: Refund
  dispute: Dispute
  invoice: Invoice
  invoice_payment: InvoicePayment
  'checkout.session': CheckoutSession
  'billing_portal.session': PortalSession
  event: StripeEvent
}
