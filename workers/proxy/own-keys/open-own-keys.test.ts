import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { credentialPlace, type OwnCredential } from '#shared/contracts/provider-credential.ts'
import { newId } from '#shared/values/id.ts'
import { ApiError } from '#workers/edge/api-error.ts'
import { KekFailure, type KeyRing } from '#workers/services/secrets/key-ring.ts'
import { sealSecret } from '#workers/services/secrets/seal.ts'
import { keyRingOf } from '#workers/services/secrets/settings.ts'
import { openDnsResolver } from '#workers/services/targets/resolve-target.ts'
import type { Surroundings } from '../env.ts'
import { attemptsMost } from '../limits.ts'
import { exchangeWith } from '../testing/exchange.ts'
import { modelOf, offerOf, routeOf } from '../testing/offer.ts'
import { compatibleOf, credentialOf } from '../testing/own-keys.ts'
import { ScriptedLedger } from '../testing/scripted-ledger.ts'
import type { Offer } from '../upstream/offers.ts'
import { openOwnKeys } from './open-own-keys.ts'
import { ownOffers } from './own-offers.ts'

const organizationId = newId('org')
const master = btoa('m'.repeat(32))
const ring = keyRingOf({ KMS_PROVIDER: 'local', LOCAL_KEKS: JSON.stringify({ a: master }) })
/** A key as it must never be seen: neither it nor anything that it is stored as. */
const canary = 'sk-canary-0123456789'

let logged: string[] = []
beforeEach(() => {
  logged = []
  vi.spyOn(console, 'error').mockImplementation((line: string) => void logged.push(line))
})
afterEach(() => {
  vi.restoreAllMocks()
  vi.useRealTimers()
  vi.unstubAllGlobals()
})

/** A credential of the customer with a key of its own; ids differ, because an isolate knows what it has opened. */
async function sealedCredential(fields: Partial<OwnCredential> = {}, make = credentialOf, key = canary): Promise<OwnCredential> {
  const credentialId = fields.credentialId ?? newId('byk')
  return make({ ...fields, credentialId, sealed: await sealSecret(ring, credentialPlace(organizationId, credentialId), key) })
}

const model = modelOf({ routes: [routeOf({ byok: 'openai' }), routeOf({ routeId: 'rte_2', byok: 'openai' })] })
const paid = offerOf({ routeId: 'paid' })
const offersAt = (...credentials: OwnCredential[]): Offer[] => [...credentials.flatMap((each) => ownOffers(model, each)), paid]

/** The key of each offer, by what it is known by; or the error in its place. */
async function opened(offers: Offer[], fields: Partial<Surroundings> = {}, customer = organizationId) {
  const { surroundings } = exchangeWith(new ScriptedLedger())
  const answer = openOwnKeys(offers, { ...surroundings, keyRing: () => ring, ...fields }, customer)
  return answer.then(
    (some) => some.map(({ key, own }) => [key, own?.apiKey]),
    (error: unknown) => {
      if (error instanceof ApiError) return error
      throw error
    },
  )
}

const away = (): KeyRing => ({ ...ring, providers: new Map([['local', { ...ring.current, unwrap: () => Promise.reject(gone) }]]) })
const gone = new KekFailure('unavailable', 'AWS KMS refuses for now (ThrottlingException).', 7_000)

describe('the offers of own accounts', () => {
  test('come with their keys, each with its own, in the order they had', async () => {
    const [one, other] = [await sealedCredential(), await sealedCredential({}, credentialOf, 'sk-other-0123456789')]
    expect(await opened(offersAt(one, other))).toEqual([
      [`rte_1:${one.credentialId}`, canary],
      [`rte_2:${one.credentialId}`, canary],
      [`rte_1:${other.credentialId}`, 'sk-other-0123456789'],
      [`rte_2:${other.credentialId}`, 'sk-other-0123456789'],
      ['paid', undefined],
    ])
  })

  test('are left out when their keys cannot be had and those of others can', async () => {
    const [lost, good] = [await sealedCredential(), await sealedCredential()]
    const altered = { ...lost, sealed: { ...lost.sealed, sealed: good.sealed.sealed } }
    const keys = [`rte_1:${good.credentialId}`, `rte_2:${good.credentialId}`, 'paid']
    expect(await opened(offersAt(altered, good))).toEqual(keys.map((key) => [key, key === 'paid' ? undefined : canary]))
  })

  test('are opened for as many accounts as may be tried, and the others are left out', async () => {
    const credentials = await Promise.all(Array.from({ length: attemptsMost + 2 }, () => sealedCredential()))
    const unwrap = vi.spyOn(ring.current, 'unwrap')
    expect(await opened(offersAt(...credentials))).toHaveLength(2 * attemptsMost + 1)
    expect(unwrap).toHaveBeenCalledTimes(attemptsMost)
  })

  test('are all there is to open: what is paid for asks for no key', async () => {
    const keyRing = vi.fn(() => ring)
    expect(await opened([paid], { keyRing })).toEqual([['paid', undefined]])
    expect(keyRing).not.toHaveBeenCalled()
  })

  test('work for some minutes while the key management service is away, and no longer', async () => {
    vi.useFakeTimers({ toFake: ['Date'] })
    const credential = await sealedCredential()
    await opened(offersAt(credential))
    vi.setSystemTime(Date.now() + 299_999)
    expect(await opened(offersAt(credential), { keyRing: away })).toContainEqual([`rte_1:${credential.credentialId}`, canary])
    vi.setSystemTime(Date.now() + 1)
    expect(await opened(offersAt(credential), { keyRing: away })).toMatchObject({ code: 'byok_unavailable' })
  })

  test('do not open for another customer, though it were told of the credential', async () => {
    const credential = await sealedCredential()
    await opened(offersAt(credential))
    expect(await opened(offersAt(credential), {}, newId('org'))).toMatchObject({ code: 'byok_unreadable' })
  })
})

describe('a request whose own keys cannot be had ends, though paid offers follow,', () => {
  const misconfigured = () => keyRingOf({ KMS_PROVIDER: 'local', LOCAL_KEKS: JSON.stringify({ a: `${master}=` }) })
  test.each<[string, Partial<Surroundings>, (sealed: OwnCredential) => OwnCredential, object]>([
    ['with 503 and when to come back while KMS is away', { keyRing: away }, same, unavailableFor(7_000)],
    ['with 503 while the settings are wrong', { keyRing: misconfigured }, same, unavailableFor(5_000)],
    ['with 403 when the key was altered', {}, (one) => ({ ...one, sealed: { ...one.sealed, version: 2 } }), { code: 'byok_unreadable' }],
    [
      'with 403 when its wrapping key is gone',
      {},
      (one) => ({ ...one, sealed: { ...one.sealed, kekId: 'b' } }),
      { code: 'byok_unreadable' },
    ],
    ['with 500 for a fault of ours', { keyRing: defect }, same, { code: 'internal_error' }],
  ])('%s', async (_, fields, alter, expected) => {
    const failure = await opened(offersAt(alter(await sealedCredential())), fields)
    expect(failure).toMatchObject(expected)
    // What is wrong with the settings is for the operator's log.
    expect(failure).toHaveProperty('message', new ApiError(failure instanceof ApiError ? failure.code : 'no_route').message)
  })

  test('and one that may be had in a moment says more than one that never will', async () => {
    const [lost, good] = [await sealedCredential(), await sealedCredential()]
    const altered = { ...lost, sealed: { ...lost.sealed, wrappedDek: '*' } }
    for (const order of [
      [altered, good],
      [good, altered],
    ]) {
      const failsFor = (one: OwnCredential) => (one === good ? away() : ring)
      const rings = order.map(failsFor)
      expect(await opened(offersAt(...order), { keyRing: () => rings.shift() ?? ring })).toMatchObject({ code: 'byok_unavailable' })
    }
  })
})

describe('the address of a provider that a customer named is judged at each use', () => {
  /** A resolver that knows one address of IPv4 after another, and fails where there is none. */
  function resolving(...addresses: string[]) {
    vi.stubGlobal('fetch', async (url: string) => {
      const isIpv4 = new URL(url).searchParams.get('type') === 'A'
      const data = isIpv4 ? addresses.shift() : undefined
      const Answer = data === undefined ? [] : [{ type: 1, TTL: 0, data }]
      return Response.json({ Status: isIpv4 && data === undefined ? 2 : 0, TC: false, Answer })
    })
  }

  test('so that one that turned private is called no more, whatever was opened before', async () => {
    resolving('93.184.215.14', '10.0.0.1')
    const credential = await sealedCredential({ models: ['m'] }, compatibleOf)
    expect(await opened(offersAt(credential))).toContainEqual([`${credential.credentialId}:${credential.credentialId}`, canary])
    expect(await opened(offersAt(credential))).toMatchObject({ code: 'byok_target', status: 403 })
  })

  test('so that one that has become a host of ours is called no more', async () => {
    const targets = {
      rules: { ownHosts: ['example.com'], allowed: new Set<string>() },
      resolver: openDnsResolver('https://resolver.test/'),
    }
    resolving('93.184.215.14')
    expect(await opened(offersAt(await sealedCredential({ models: ['m'] }, compatibleOf)), { targets })).toMatchObject({
      code: 'byok_target',
    })
  })

  test('so that one that nobody can resolve is asked to come back', async () => {
    resolving()
    expect(await opened(offersAt(await sealedCredential({ models: ['m'] }, compatibleOf)))).toMatchObject(unavailableFor(5_000))
  })
})

test('no line of the log has a key, or what it is stored as', async () => {
  const credential = await sealedCredential()
  const elsewhere = { ...credential, credentialId: newId('byk') }
  const altered = { ...credential, sealed: { ...credential.sealed, sealed: `${credential.sealed.sealed}*` } }
  for (const [offers, keyRing] of [
    [offersAt(credential), away],
    [offersAt(credential), defect],
    [offersAt(elsewhere), () => ring],
    [offersAt(altered), () => ring],
  ] as const) {
    expect(await opened(offers, { keyRing })).toBeInstanceOf(ApiError)
  }
  expect(logged).toHaveLength(4)
  const { sealed, wrappedDek } = credential.sealed
  for (const hidden of [canary, sealed, wrappedDek, master]) expect(logged.join()).not.toContain(hidden)
  expect(JSON.parse(logged[0] ?? '')).toMatchObject({ event: 'own_key_not_opened', organizationId, credentialId: credential.credentialId })
})

function same(credential: OwnCredential): OwnCredential {
  return credential
}

function unavailableFor(retryAfterMs: number) {
  return { code: 'byok_unavailable', status: 503, details: { retryAfterMs } }
}

function defect(): KeyRing {
  throw new TypeError('a defect')
}
