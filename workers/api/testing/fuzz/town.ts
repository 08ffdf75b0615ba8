import { Redis } from 'ioredis'
import { generateApiKey } from '#shared/values/api-key.ts'
import { addManagementKey } from '../callers.ts'
import { sampleOf } from '../paths.ts'
import type { Asking, Stage } from '../stage.ts'
import { deliveryOf, webhookOf } from '../webhook-of.ts'
import type { MadeUp, Whose } from './requests.ts'

export const townCallers = ['owner', 'owner', 'admin', 'developer', 'viewer', 'key', 'stranger', 'relay', 'nobody'] as const

/** Two organizations with people and keys, of which one is asked about. */
export interface Town {
  callers: Record<string, Pick<Asking, 'cookie' | 'bearer'>>
  own: Record<string, string[]>
  foreign: Record<string, string[]>
}

/** People who have not asked for anything yet; nobody has used up their attempts. */
export async function newTown(stage: Stage): Promise<Town> {
  await forgetAttempts(stage)
  const people = await Promise.all([stage.person(), stage.person(), stage.person(), stage.person(), stage.person()])
  const [owner, admin, developer, viewer, stranger] = people
  const organizationId = await stage.organization([
    [owner, 'owner'],
    [admin, 'admin'],
    [developer, 'developer'],
    [viewer, 'viewer'],
  ])
  const elsewhere = await stage.organization([[stranger, 'owner']])
  const [key, foreignKey] = [await addManagementKey(stage, organizationId, 'admin'), await addManagementKey(stage, elsewhere, 'admin')]
  const cookieOf = ({ cookie }: { cookie: string }) => ({ cookie })
  return {
    callers: {
      owner: cookieOf(owner),
      admin: cookieOf(admin),
      developer: cookieOf(developer),
      viewer: cookieOf(viewer),
      stranger: cookieOf(stranger),
      key: { bearer: key.secret },
      relay: { bearer: generateApiKey() },
      nobody: {},
    },
    own: {
      organizationId: [organizationId],
      userId: people.slice(0, 4).map(({ userId }) => userId),
      sessionId: people.slice(0, 4).map(({ sessionId }) => sessionId),
      managementKeyId: [key.id],
      ...(await webhookIn(stage, organizationId)),
    },
    foreign: {
      organizationId: [elsewhere],
      userId: [stranger.userId],
      sessionId: [stranger.sessionId],
      managementKeyId: [foreignKey.id],
      ...(await webhookIn(stage, elsewhere)),
    },
  }
}

/** An endpoint, and a delivery to it. */
async function webhookIn(stage: Stage, organizationId: string): Promise<{ endpointId: string[]; deliveryId: string[] }> {
  const endpointId = await webhookOf(stage, organizationId)
  return { endpointId: [endpointId], deliveryId: [await deliveryOf(stage, { organizationId, endpointId })] }
}

/** The path of a request, with the ids of this town. */
export function addressOf(town: Town, { described, whose, query }: MadeUp): string {
  const chosen = [...whose]
  const path = described.path.replaceAll(/\{(\w+)\}/g, (_, name: string) => idOf(town, name, chosen.shift()))
  return query.length === 0 ? path : `${path}?${query.map(([name, value]) => `${name}=${value}`).join('&')}`
}

function idOf(town: Town, name: string, whose: Whose | undefined): string {
  if (whose?.kind === 'odd') return whose.text
  const ids = whose && whose.kind !== 'nothing' ? town[whose.kind][name] : undefined
  return ids?.[(whose?.kind === 'own' ? whose.pick : 0) % ids.length] ?? sampleOf(name)
}

async function forgetAttempts({ redisUrl }: Stage): Promise<void> {
  const redis = new Redis(redisUrl)
  await redis.flushall()
  await redis.quit()
}
