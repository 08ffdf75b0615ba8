import { z } from 'zod'
import { listPage, listParameters } from './lists.ts'
import type { Address, Cause, Customer } from './objects.ts'
import { Metadata, mergeMetadata, Text, unsettable } from './parameters.ts'
import type { Call, Peer } from './peer.ts'
import { invalidRequest } from './refusal.ts'
import { route } from './route.ts'
import { newId, newObject } from './store.ts'

const AddressFields = z.strictObject({
  city: unsettable(Text).optional(),
  country: unsettable(z.string().length(2)).optional(),
  line1: unsettable(Text).optional(),
  line2: unsettable(Text).optional(),
  postal_code: unsettable(Text).optional(),
  state: unsettable(Text).optional(),
})
const writable = {
  address: unsettable(AddressFields).optional(),
  description: unsettable(Text).optional(),
  email: unsettable(z.email().max(512)).optional(),
  metadata: Metadata.optional(),
  name: unsettable(Text.max(256)).optional(),
  phone: unsettable(Text.max(20)).optional(),
}
const NewCustomer = z.strictObject(writable)
const CustomerChange = z.strictObject({
  ...writable,
  invoice_settings: z.strictObject({ default_payment_method: unsettable(Text).optional() }).optional(),
})
const List = z.strictObject({ ...listParameters, email: z.email().optional() })

export const customerRoutes = [
  route('POST /v1/customers', NewCustomer, (peer, parameters, { cause }) => createCustomer(peer, parameters, cause)),
  route('GET /v1/customers', List, ({ store }, parameters) => {
    const all = store.list('customer').filter((each) => parameters.email === undefined || each.email === parameters.email)
    return listPage('/v1/customers', all, parameters)
  }),
  route('GET /v1/customers/:id', z.strictObject({}), ({ store }, _none, { ids: [id = ''] }) => store.need('customer', id)),
  route('POST /v1/customers/:id', CustomerChange, updateCustomer),
]

/** A customer of the API, or of a checkout that has none yet. */
export function createCustomer(peer: Peer, parameters: z.output<typeof NewCustomer>, cause: Cause): Customer {
  const customer = peer.store.add('customer', {
    ...newObject('customer', 'cus'),
    address: addressOf(parameters.address ?? null),
    balance: 0,
    currency: null,
    default_source: null,
    delinquent: false,
    description: parameters.description ?? null,
    email: parameters.email ?? null,
    invoice_prefix: newId('').slice(1, 9).toUpperCase(),
    invoice_settings: { custom_fields: null, default_payment_method: null, footer: null, rendering_options: null },
    metadata: mergeMetadata({}, parameters.metadata),
    name: parameters.name ?? null,
    phone: parameters.phone ?? null,
    shipping: null,
    tax_exempt: 'none',
  })
  peer.webhooks.record('customer.created', customer, cause)
  return customer
}

function updateCustomer(peer: Peer, parameters: z.output<typeof CustomerChange>, { ids: [id = ''], cause }: Call): Customer {
  const customer = peer.store.need('customer', id)
  const { address, metadata, invoice_settings: settings, ...texts } = parameters
  const methodId = settings?.default_payment_method
  if (methodId) {
    const method = peer.store.need('payment_method', methodId, 'invoice_settings[default_payment_method]')
    if (method.customer !== id) throw invalidRequest(`The customer does not have a payment method with the ID ${method.id}.`)
  }
  Object.assign(customer, texts) // What was not sent is no member.
  if (address !== undefined) customer.address = addressOf(address)
  if (methodId !== undefined) customer.invoice_settings.default_payment_method = methodId
  customer.metadata = mergeMetadata(customer.metadata, metadata)
  peer.webhooks.record('customer.updated', customer, cause)
  return customer
}

function addressOf(fields: z.output<typeof AddressFields> | null): Address | null {
  const empty = { city: null, country: null, line1: null, line2: null, postal_code: null, state: null }
  return fields && Object.assign(empty, fields)
}
