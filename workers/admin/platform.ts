import { OrganizationId } from '#shared/contracts/customer.ts'
import { type Addressed, pathId } from '#workers/edge/parse.ts'
import { Problem } from '#workers/edge/problem.ts'
import type { CredentialPlatform } from '#workers/services/credentials/credential-platform.ts'
import type { Platform } from '#workers/services/platform.ts'
import type { AdminContext } from './env.ts'

/** hono's context, as far as a verb's surroundings are made from it. */
interface Asked {
  var: AdminContext['Variables']
  req: { header(name: string): string | undefined }
}

/** What the verbs of `workers/services` need, for the one who asks. */
export function platformOf(c: Asked): Platform {
  const { db, transact, ledger } = c.var.surroundings
  const ip = c.req.header('cf-connecting-ip') ?? null
  return { db, transact, ledger, actor: { type: 'operator', id: c.var.actor, ip, requestId: c.var.requestId } }
}

/** As platformOf, with what seals a key and judges where it may be sent. */
export function credentialPlatformOf(c: Asked): CredentialPlatform {
  const { keyRing, targets } = c.var.surroundings
  return { ...platformOf(c), keyRing, targets }
}

/** The customer that the path names; whether there is one is for the verb to say. */
export function organizationIdOf(c: Addressed): string {
  return pathId(c, 'organizationId', OrganizationId)
}

/** Hands on what was found; a verb's null ends the request as 404. */
export function found<Value>(value: Value | null, what: string): Value {
  if (value === null) throw new Problem('not_found', `There is no such ${what}.`)
  return value
}
