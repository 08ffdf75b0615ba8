import { z } from 'zod'
import { listPage, listParameters } from './lists.ts'
import type { Cause, PaymentMethod } from './objects.ts'
import { Text } from './parameters.ts'
import type { Peer } from './peer.ts'
import { invalidRequest } from './refusal.ts'
import { route } from './route.ts'
import { newPaymentMethod, testCards } from './test-cards.ts'

const Type = z.enum(['card', 'us_bank_account'])
const nothing = z.strictObject({})

export const paymentMethodRoutes = [
  route('GET /v1/payment_methods', z.strictObject({ ...listParameters, customer: Text, type: Type.optional() }), (peer, parameters) =>
    listOfCustomer(peer, '/v1/payment_methods', parameters.customer, parameters, 'customer'),
  ),
  route('GET /v1/customers/:id/payment_methods', z.strictObject({ ...listParameters, type: Type.optional() }), (peer, parameters, call) => {
    const [id = ''] = call.ids
    return listOfCustomer(peer, `/v1/customers/${id}/payment_methods`, id, parameters)
  }),
  route('GET /v1/payment_methods/:id', nothing, ({ store }, _none, { ids: [id = ''] }) => store.need('payment_method', id)),
  route('POST /v1/payment_methods/:id/attach', z.strictObject({ customer: Text }), (peer, { customer }, { ids: [id = ''], cause }) => {
    peer.store.need('customer', customer, 'customer')
    const method = Object.hasOwn(testCards, id) ? newPaymentMethod(peer, id, null, 'payment_method') : peer.store.need('payment_method', id)
    if (method.customer !== null && method.customer !== customer)
      throw invalidRequest('The payment method you provided has already been attached to a customer.')
    attach(peer, method, customer, cause)
    return method
  }),
  route('POST /v1/payment_methods/:id/detach', nothing, (peer, _none, { ids: [id = ''], cause }) => {
    const method = peer.store.need('payment_method', id)
    detach(peer, method, cause)
    return method
  }),
]

/** Saves a payment method for a customer. */
export function attach(peer: Peer, method: PaymentMethod, customer: string, cause: Cause): void {
  method.customer = customer
  peer.webhooks.record('payment_method.attached', method, cause)
}

/** From then on nobody can be charged by it. */
export function detach(peer: Peer, method: PaymentMethod, cause: Cause): void {
  const customer = peer.store.find('customer', method.customer)
  if (!customer) throw invalidRequest('The payment method you provided is not attached to a customer so detachment is impossible.')
  const { invoice_settings: settings } = customer
  if (settings.default_payment_method === method.id) settings.default_payment_method = null
  method.customer = null
  peer.webhooks.record('payment_method.detached', method, cause)
}

function listOfCustomer(
  { store }: Peer,
  url: string,
  customer: string,
  parameters: Parameters<typeof listPage>[2] & { type?: PaymentMethod['type'] | undefined },
  param?: string,
): object {
  store.need('customer', customer, param)
  const all = store.list('payment_method').filter((each) => each.customer === customer && (parameters.type ?? each.type) === each.type)
  return listPage(url, all, parameters)
}
