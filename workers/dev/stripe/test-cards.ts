import { randomInt } from 'node:crypto'
import type { PaymentMethod } from './objects.ts'
import type { Peer } from './peer.ts'
import { invalidRequest } from './refusal.ts'
import { newObject } from './store.ts'

export interface TestCard {
  /** How the page of a checkout names it. */
  label: string
  type: PaymentMethod['type']
  brand: string
  last4: string
  /** Of every payment by it. */
  declineCode?: string
  /** Every payment needs the person: off session it fails. */
  asks?: boolean
}

const visa = { type: 'card', brand: 'visa' } as const

/** Payment methods for tests, by the names Stripe gives them. Each use makes a payment method of its own. */
export const testCards: Record<string, TestCard> = {
  pm_card_visa: { ...visa, label: 'Visa 4242', last4: '4242' },
  pm_card_mastercard: { label: 'Mastercard 4444', type: 'card', brand: 'mastercard', last4: '4444' },
  pm_card_chargeDeclined: { ...visa, label: 'Visa 0002, declined', last4: '0002', declineCode: 'generic_decline' },
  pm_card_chargeDeclinedInsufficientFunds: {
    ...visa,
    label: 'Visa 9995, insufficient funds',
    last4: '9995',
    declineCode: 'insufficient_funds',
  },
  pm_card_chargeCustomerFail: { ...visa, label: 'Visa 0341, declined when charged', last4: '0341', declineCode: 'generic_decline' },
  pm_card_authenticationRequired: { ...visa, label: 'Visa 3184, asks its holder each time', last4: '3184', asks: true },
  pm_usBankAccount_success: { label: 'Bank account, paid days later', type: 'us_bank_account', brand: 'STRIPE TEST BANK', last4: '6789' },
}

/** A new payment method that behaves like the test card of this name. */
export function newPaymentMethod(peer: Peer, name: string, email: string | null, param: string): PaymentMethod {
  const card = Object.hasOwn(testCards, name) ? testCards[name] : undefined
  if (!card) throw invalidRequest(`No such PaymentMethod: '${name}'`, { code: 'resource_missing', param })
  const method: PaymentMethod = {
    ...newObject('payment_method', 'pm'),
    allow_redisplay: 'unspecified',
    billing_details: { address: null, email, name: null, phone: null },
    ...instrumentOf(card),
    customer: null,
    metadata: {},
    type: card.type,
  }
  peer.cards.set(method.id, card)
  return peer.store.add('payment_method', method)
}

function instrumentOf({ type, brand, last4 }: TestCard): Pick<PaymentMethod, 'card' | 'us_bank_account'> {
  if (type === 'us_bank_account') {
    return { us_bank_account: { account_holder_type: 'individual', account_type: 'checking', bank_name: brand, last4 } }
  }
  const fingerprint = `print${last4}${randomInt(10)}`
  const expiry = { exp_month: 12, exp_year: new Date().getUTCFullYear() + 3 }
  return { card: { brand, country: 'US', display_brand: brand, ...expiry, fingerprint, funding: 'credit', last4 } }
}
