import { Hono } from 'hono'
import { listOrganizations } from '#db/queries/list-organizations.ts'
import {
  ChangeAnswer,
  CreatedCustomer,
  CustomerDetail,
  CustomerLimitsChange,
  CustomerList,
  CustomerPage,
  CustomerStatusChange,
  NewCustomer,
} from '#shared/contracts/customer.ts'
import { body, query } from '#workers/edge/parse.ts'
import { createOrganization } from '#workers/services/organizations/create.ts'
import { setLimits } from '#workers/services/organizations/set-limits.ts'
import { setStatus } from '#workers/services/organizations/set-status.ts'
import { customerDetail, customerOf } from '../customer-view.ts'
import type { AdminContext } from '../env.ts'
import { customersPerPage, maxBodyBytes } from '../limits.ts'
import { found, organizationIdOf, platformOf } from '../platform.ts'

export const customerRoutes = new Hono<AdminContext>()
  .get('/', query(CustomerPage), async (c) => {
    const { after } = c.var.query
    const rows = await listOrganizations(c.var.surroundings.db, { ...(after !== undefined && { afterId: after }), limit: customersPerPage })
    const next = rows.length === customersPerPage ? (rows.at(-1)?.id ?? null) : null
    return c.json(CustomerList.parse({ customers: rows.map(customerOf), next }))
  })
  .post('/', body(NewCustomer, maxBodyBytes), async (c) =>
    c.json(CreatedCustomer.parse(await createOrganization(platformOf(c), c.var.body)), 201),
  )
  .get('/:organizationId', async (c) =>
    c.json(CustomerDetail.parse(found(await customerDetail(platformOf(c), organizationIdOf(c)), 'customer'))),
  )
  .put('/:organizationId/limits', body(CustomerLimitsChange, maxBodyBytes), async (c) =>
    c.json(ChangeAnswer.parse(found(await setLimits(platformOf(c), organizationIdOf(c), c.var.body), 'customer'))),
  )
  .put('/:organizationId/status', body(CustomerStatusChange, maxBodyBytes), async (c) =>
    c.json(ChangeAnswer.parse(found(await setStatus(platformOf(c), organizationIdOf(c), c.var.body.status), 'customer'))),
  )
