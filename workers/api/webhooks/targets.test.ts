import type { Server } from 'node:http'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { upstreams } from '#db/schema/index.ts'
import { createDnsEndpoint } from '#workers/dev/dns/endpoint.ts'
import { listenAnywhere } from '#workers/dev/testing/throwaway.ts'
import { checkTarget } from '#workers/services/targets/check-target.ts'
import { judgeTarget } from '#workers/services/targets/judge-target.ts'
import { openDnsResolver } from '#workers/services/targets/resolve-target.ts'
import {
  type Answer,
  attackedHosts,
  type HostileTarget,
  hostileTargets,
  publicAnswer,
} from '#workers/services/targets/testing/hostile-targets.ts'
import { publicTargets } from '#workers/services/targets/testing/public-targets.ts'
import { type Stage, setStage, type TestPerson } from '../testing/stage.ts'

const privateOrigin = 'http://127.0.0.1:8791'

let dns: Server
let dnsUrl: string
let stage: Stage
let owner: TestPerson

beforeAll(async () => {
  dns = createDnsEndpoint()
  dnsUrl = await listenAnywhere(dns)
  const targets = { DNS_OVER_HTTPS: `${dnsUrl}/dns-query`, OWN_HOSTS: attackedHosts.join(), ALLOWED_TARGETS: privateOrigin }
  stage = await setStage(targets)
  owner = await stage.person()
})
afterAll(async () => {
  dns?.closeAllConnections()
  dns?.close()
  await stage?.stop()
})

async function script(url: string, answer: Answer | { sequence: Answer[] }): Promise<void> {
  const host = URL.parse(url)?.hostname
  if (!host) return
  await fetch(`${dnsUrl}/control/names/${encodeURIComponent(host)}`, { method: 'PUT', body: JSON.stringify(answer) })
}

/** As `save` answers: null when it is taken. */
interface Refusal {
  status: number
  pointer: string | null
}

async function save(organizationId: string, url: string): Promise<Refusal | null> {
  const answer = await stage.call('POST', `/api/organizations/${organizationId}/webhook-endpoints`, { cookie: owner.cookie, body: { url } })
  if (answer.status === 201) return null
  const { errors } = answer.json as { errors?: { pointer: string }[] }
  return { status: answer.status, pointer: errors?.[0]?.pointer ?? null }
}

/** What each delivery asks first, by what was stored. */
async function mayDeliver(url: string): Promise<boolean> {
  const { rules } = stage.surroundings.targets
  const checked = checkTarget(url, rules)
  // Nothing is remembered: it may have been public when it was saved.
  return checked.outcome === 'ok' && (await judgeTarget(checked.url, rules, openDnsResolver(`${dnsUrl}/dns-query`))).outcome === 'ok'
}

/** A few at once: each is some round trips. */
async function each<Value>(values: readonly Value[], work: (value: Value) => Promise<void>): Promise<void> {
  const waiting = values.values()
  await Promise.all(
    Array.from({ length: 8 }, async () => {
      for (const value of waiting) await work(value)
    }),
  )
}

const isUntold = ({ dns: answer }: HostileTarget) => [1, 2, 4, 5].includes(answer?.status ?? 0)

test('every hostile target is refused when it is saved, and at delivery; nothing of them is stored', { timeout: 300_000 }, async () => {
  expect(hostileTargets.length).toBeGreaterThanOrEqual(200)
  expect(new Set(hostileTargets.map(({ url }) => url)).size).toBe(hostileTargets.length)
  const organizationId = await stage.organization([[owner, 'owner']])
  const wrong: string[] = []
  await each(hostileTargets, ({ url, dns: answer }) => script(url, answer ?? publicAnswer))
  await each(hostileTargets, async (target) => {
    const { group, url } = target
    const refusal = await save(organizationId, url)
    const expected = isUntold(target) ? { status: 503, pointer: null } : { status: 400, pointer: '#/url' }
    if (JSON.stringify(refusal) !== JSON.stringify(expected))
      wrong.push(`${group}: ${JSON.stringify(url)} saved: ${JSON.stringify(refusal)}`)
    if (await mayDeliver(url)) wrong.push(`${group}: ${JSON.stringify(url)} delivered`)
  })
  expect(wrong).toEqual([])
  const listed = await stage.call('GET', `/api/organizations/${organizationId}/webhook-endpoints`, { cookie: owner.cookie })
  expect(listed.json).toEqual({ data: [] })
})

test('public names are taken, in whatever shape of URL, and delivered to', { timeout: 300_000 }, async () => {
  expect(publicTargets.length).toBeGreaterThanOrEqual(30)
  const organizationIds = await Promise.all([1, 2, 3].map(() => stage.organization([[owner, 'owner']])))
  await each(publicTargets, (url) => script(url, publicAnswer))
  await each([...publicTargets.entries()], async ([index, url]) => {
    expect([url, await save(organizationIds[index % 3] ?? '', url), await mayDeliver(url)]).toEqual([url, null, true])
  })
})

test('a name that has turned private since it was saved is refused at delivery', async () => {
  const url = 'https://turning.customer.dev/hook'
  await script(url, { sequence: [publicAnswer, { a: ['169.254.169.254'] }] })
  expect(await save(await stage.organization([[owner, 'owner']]), url)).toBeNull()
  expect(await mayDeliver(url)).toBe(false)
})

test('an address of our own upstreams is refused, also on an origin that an operator lets through', async () => {
  const upstream = { kind: 'cliproxyapi', credential: 'c' } as const
  await stage.db.insert(upstreams).values([
    { id: 'cli-host', baseUrl: 'https://cli.customer.dev', ...upstream },
    { id: 'cli-path', baseUrl: `${privateOrigin}/cliproxy`, ...upstream },
  ])
  const organizationId = await stage.organization([[owner, 'owner']])
  const ours = [
    'https://cli.customer.dev/hook',
    `${privateOrigin}/cliproxy`,
    `${privateOrigin}/cliproxy/v0?a`,
    `${privateOrigin}/cliproxy?a`,
  ]
  await each(ours, (url) => script(url, publicAnswer))
  for (const url of ours) expect([url, await save(organizationId, url)]).toEqual([url, { status: 400, pointer: '#/url' }])
  expect(await save(organizationId, `${privateOrigin}/hook`)).toBeNull()
})
