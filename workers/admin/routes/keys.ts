import { Hono } from 'hono'
import type { KeyReference } from '#db/queries/keys/key-reference.ts'
import { listApiKeys } from '#db/queries/list-api-keys.ts'
import { readOrganization } from '#db/queries/read-organization.ts'
import {
  CreatedCustomerKey,
  CustomerKeyList,
  KeyChangeAnswer,
  KeyId,
  KeyLimitsChange,
  NewCustomerKey,
} from '#shared/contracts/customer-key.ts'
import { type Addressed, body, pathId } from '#workers/edge/parse.ts'
import { Problem } from '#workers/edge/problem.ts'
import { changeKey } from '#workers/services/keys/change.ts'
import { type CreateKeyOutcome, createKey } from '#workers/services/keys/create.ts'
import { revokeKey } from '#workers/services/keys/revoke.ts'
import { customerKeyOf } from '../customer-view.ts'
import type { AdminContext } from '../env.ts'
import { maxBodyBytes } from '../limits.ts'
import { found, organizationIdOf, platformOf } from '../platform.ts'

export const keyRoutes = new Hono<AdminContext>()
  .get('/', async (c) => {
    const { db } = c.var.surroundings
    const { id } = found(await readOrganization(db, organizationIdOf(c)), 'customer')
    return c.json(CustomerKeyList.parse({ keys: (await listApiKeys(db, id)).map(customerKeyOf) }))
  })
  .post('/', body(NewCustomerKey, maxBodyBytes), async (c) =>
    c.json(CreatedCustomerKey.parse(createdOf(await createKey(platformOf(c), organizationIdOf(c), c.var.body))), 201),
  )
  .delete('/:keyId', async (c) =>
    c.json(KeyChangeAnswer.parse(found(await revokeKey(platformOf(c), keyOf(c)), 'living key of this customer'))),
  )
  .put('/:keyId/limits', body(KeyLimitsChange, maxBodyBytes), async (c) => {
    const outcome = await changeKey(platformOf(c), keyOf(c), c.var.body)
    return c.json(KeyChangeAnswer.parse(found(outcome.outcome === 'changed' ? outcome.answer : null, 'living key of this customer')))
  })

function keyOf(c: Addressed): KeyReference {
  return { organizationId: organizationIdOf(c), keyId: pathId(c, 'keyId', KeyId) }
}

function createdOf(outcome: CreateKeyOutcome): CreatedCustomerKey {
  if (outcome.outcome === 'created') return outcome.created
  if (outcome.reason === 'organization_unknown') throw new Problem('not_found', 'There is no such customer.')
  throw new Problem('conflict', 'The customer has as many living keys as it may have. Revoke one first.')
}
