import { type SQL, sql } from 'drizzle-orm'
import { z } from 'zod'
import { credentialPlace, openaiCompatible } from '#shared/contracts/provider-credential.ts'
import type { SealedSecret } from '#shared/contracts/sealed-secret.ts'
import type { Db } from '../client.ts'
import { readRowsAtomically, SafeBigint } from '../statements.ts'
import { insertSecret } from './insert-secret.ts'
import { lockOrganizations } from './lock-organizations.ts'

/** A customer has at most this many provider credentials: authentication carries all of them. */
export const maxProviderCredentials = 50

export interface ProviderCredentialToAdd {
  credentialId: string
  organizationId: string
  provider: string
  name: string
  baseUrl: string | null
  lastFour: string
  priority: number
  models: string[] | null
  keyIds: string[] | null
  /** The key, sealed at the `credentialPlace`. */
  sealed: SealedSecret
}

export type AddProviderCredentialOutcome =
  | { outcome: 'added'; createdAtMs: number }
  | { outcome: 'refused'; reason: 'organization_unknown' | 'too_many_credentials' }
  /** No enabled upstream takes keys of this provider; `known` are the names that would do. */
  | { outcome: 'refused'; reason: 'provider_unknown'; known: string[] }
  /** Not living keys of this customer. */
  | { outcome: 'refused'; reason: 'key_unknown'; keyIds: string[] }

/** Stores a credential and its sealed key, both or neither. An id that exists already is a thrown error: it is random. */
export async function addProviderCredential(db: Db, credential: ProviderCredentialToAdd): Promise<AddProviderCredentialOutcome> {
  const { organizationId, provider } = credential
  const [row] = await readRowsAtomically(db, [lockOrganizations([organizationId]), addition(credential)], Added)
  if (!row) return { outcome: 'refused', reason: 'organization_unknown' }
  const { createdAtMs, known, strangers } = row
  if (createdAtMs !== null) return { outcome: 'added', createdAtMs }
  if (!known.includes(provider)) return { outcome: 'refused', reason: 'provider_unknown', known }
  if (strangers.length > 0) return { outcome: 'refused', reason: 'key_unknown', keyIds: strangers }
  return { outcome: 'refused', reason: 'too_many_credentials' }
}

const Added = z.object({ createdAtMs: SafeBigint.nullable(), known: z.array(z.string()), strangers: z.array(z.string()) })

function addition(credential: ProviderCredentialToAdd): SQL {
  const { credentialId, organizationId, provider, name, baseUrl, lastFour, priority, models, keyIds, sealed } = credential
  return sql`
    with wanted as (
      select o.id,
        (select count(*) from provider_credentials c where c.organization_id = o.id) < ${maxProviderCredentials} as has_room,
        array(
          select ${openaiCompatible} union
          select u.byok from upstreams u where u.enabled and u.byok is not null and u.kind <> 'cliproxyapi' order by 1
        ) as known,
        array(
          select w from unnest(${sql.param(keyIds ?? [])}::text[]) w
          where not exists (select 1 from api_keys k where k.id = w and k.organization_id = o.id and k.revoked_at is null)
        ) as strangers
      from organizations o where o.id = ${organizationId}
    ), added as (
      insert into provider_credentials (id, organization_id, provider, name, base_url, last_four, priority, models, key_ids)
      select ${credentialId}, w.id, ${provider}, ${name}, ${baseUrl}, ${lastFour}, ${priority}, ${sql.param(models)}::text[],
        ${sql.param(keyIds)}::text[]
      from wanted w where w.has_room and ${provider} = any(w.known) and cardinality(w.strangers) = 0
      returning organization_id, created_at
    ), stored as (
      ${insertSecret(credentialPlace(organizationId, credentialId), sealed, sql`from added`)}
    ), raised as (
      update organizations o set credentials_version = o.credentials_version + 1, balance_version = o.balance_version + 1
      from added a where o.id = a.organization_id
    )
    select floor(extract(epoch from a.created_at) * 1000)::bigint as "createdAtMs", w.known, w.strangers
    from wanted w left join added a on true`
}
