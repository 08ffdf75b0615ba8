import { invalidRequest } from './refusal.ts'
import type { Kind, Store } from './store.ts'

/** Which fields of which object hold the id of another. */
const expandable: Partial<Record<string, Partial<Record<string, Kind>>>> = {
  payment_intent: { customer: 'customer', latest_charge: 'charge', payment_method: 'payment_method' },
  charge: { customer: 'customer', payment_intent: 'payment_intent' },
  'checkout.session': { customer: 'customer', invoice: 'invoice', payment_intent: 'payment_intent', setup_intent: 'setup_intent' },
  setup_intent: { customer: 'customer', payment_method: 'payment_method' },
  payment_method: { customer: 'customer' },
  refund: { charge: 'charge', customer: 'customer', payment_intent: 'payment_intent', payment_method: 'payment_method' },
  dispute: { charge: 'charge', payment_intent: 'payment_intent' },
  invoice: { customer: 'customer' },
}
const deepest = 4

/** An answer with objects in place of the ids at these paths; in a list, paths begin with `data`. What is stored stays as it is. */
export function expand(answer: object, paths: string[], store: Store): object {
  let expanded = answer
  for (const path of paths) {
    const parts = path.split('.')
    if (parts.length > deepest) throw refusal(path)
    expanded = expandPath(expanded, parts, path, store)
  }
  return expanded
}

function expandPath(object: object, [field = '', ...rest]: string[], path: string, store: Store): object {
  const copy: Record<string, unknown> = { ...object }
  const { data } = copy
  if (copy.object === 'list' && field === 'data' && Array.isArray(data)) {
    return { ...copy, data: data.map((each: object) => expandPath(each, rest, path, store)) }
  }
  if (copy.object === 'invoice' && field === 'payments' && rest.length === 0) return { ...copy, payments: paymentsOf(copy.id, store) }
  const kind = expandable[String(copy.object)]?.[field]
  if (kind === undefined) throw refusal(path)
  const value = copy[field]
  const found = typeof value === 'string' ? store.find(kind, value) : value
  if (typeof found !== 'object' || found === null) return copy
  return { ...copy, [field]: rest.length === 0 ? found : expandPath(found, rest, path, store) }
}

/** They are part of an invoice only when they are asked for. */
function paymentsOf(invoiceId: unknown, store: Store): object {
  const data = store.list('invoice_payment').filter(({ invoice }) => invoice === invoiceId)
  return { object: 'list', url: '/v1/invoice_payments', has_more: false, data }
}

function refusal(path: string): Error {
  return invalidRequest(`This property cannot be expanded (${path}).`, { param: 'expand' })
}
