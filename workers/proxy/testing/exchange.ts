import { openNodeDb } from '#db/node-client.ts'
import { keyRingOf } from '#workers/services/secrets/settings.ts'
import { openDnsResolver } from '#workers/services/targets/resolve-target.ts'
import type { Surroundings } from '../env.ts'
import { beginExchange, type Exchange } from '../exchange.ts'
import type { ScriptedLedger } from './scripted-ledger.ts'

const ownKeys: Pick<Surroundings, 'keyRing' | 'targets'> = {
  keyRing: () => keyRingOf({}),
  targets: { rules: { ownHosts: [], allowed: new Set() }, resolver: openDnsResolver('https://resolver.test/') },
}

/** A Postgres that nobody answers for. Nothing is opened before it is asked. */
const away = openNodeDb('postgres://postgres@127.0.0.1:1/postgres').db

/** A request on its way, between a scripted ledger and, unless given one, no Postgres. Work that goes on after the answer is gathered in `later`. */
export function exchangeWith(
  { ledgerOf }: ScriptedLedger,
  {
    db = away,
    request = new Request('https://relay.test/v1/chat/completions', { method: 'POST' }),
  }: { db?: Surroundings['db']; request?: Request } = {},
  later: Promise<unknown>[] = [],
): Exchange {
  const credentials = new Map([['scripted', 'sk-scripted']])
  const surroundings: Surroundings = { db, redis: { url: 'https://redis.test', token: 'token' }, credentials, ledgerOf, ...ownKeys }
  return beginExchange(request, 'openai', surroundings, (work) => void later.push(work))
}
