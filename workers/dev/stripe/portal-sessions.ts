import { z } from 'zod'
import { Text, Url } from './parameters.ts'
import { route } from './route.ts'
import { newObject } from './store.ts'

const NewPortalSession = z.strictObject({ customer: Text, return_url: Url, locale: Text.optional(), configuration: Text.optional() })

export const portalSessionRoutes = [
  route('POST /v1/billing_portal/sessions', NewPortalSession, ({ store, url }, parameters) => {
    const begun = newObject('billing_portal.session', 'bps')
    return store.add('billing_portal.session', {
      ...begun,
      configuration: parameters.configuration ?? 'bpc_standard',
      customer: store.need('customer', parameters.customer, 'customer').id,
      locale: parameters.locale ?? null,
      return_url: parameters.return_url,
      url: `${url}/billing/${begun.id}`,
    })
  }),
]
