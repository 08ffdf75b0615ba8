import type { ServerResponse } from 'node:http'
import { eq, sql } from 'drizzle-orm'
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest'
import type { Db } from '#db/client.ts'
import { auditLog, mailOutbox, memberships, users, webhookDeliveries, webhookEndpoints } from '#db/schema/index.ts'
import { MailMessage } from '#shared/contracts/mail-message.ts'
import { newId } from '#shared/values/id.ts'
import { createDnsEndpoint } from '#workers/dev/dns/endpoint.ts'
import { KekMisconfiguration } from '#workers/services/secrets/settings.ts'
import { judgeTarget } from '#workers/services/targets/judge-target.ts'
import { deliver } from './deliver.ts'
import { handOut } from './hand-out.ts'
import { retryDelaysMs } from './limits.ts'
import { newSecret, type Stage, setStage, type TestEndpoint } from './testing/stage.ts'

const dns = createDnsEndpoint()
let stage: Stage
let dnsOrigin: string
beforeAll(async () => {
  await new Promise<void>((resolve) => dns.listen(0, '127.0.0.1', resolve))
  const address = dns.address()
  dnsOrigin = `http://127.0.0.1:${typeof address === 'object' ? address?.port : ''}`
  stage = await setStage(`${dnsOrigin}/dns-query`)
  vi.spyOn(console, 'error').mockImplementation(() => undefined)
})
afterEach(() => expect(stage.receiver.faults.splice(0)).toEqual([]))
afterAll(async () => {
  dns.close()
  await stage?.stop()
})

/** An endpoint with deliveries of so many events, all due. */
async function handedOut(given: Parameters<Stage['endpoint']>[0] = {}, events = 1): Promise<TestEndpoint> {
  const endpoint = await stage.endpoint(given)
  await stage.tell(endpoint.organizationId, events)
  await handOut(stage.platform, [endpoint.organizationId])
  return endpoint
}

/** Milliseconds from now until the first delivery of an endpoint is due. */
async function waitOf(endpointId: string): Promise<number> {
  const [delivery] = await stage.deliveries(endpointId)
  return Number(delivery?.dueAt) - Date.now()
}

const nudgesFor = ({ organizationId }: TestEndpoint) =>
  stage.nudges.filter(({ message }) => message.organizationIds.includes(organizationId)).map(({ delaySeconds }) => delaySeconds)

describe('a delivery', () => {
  test('is verified by the libraries of Standard Webhooks and Svix, and tells the event as lists do', async () => {
    const endpoint = await handedOut({}, 2)
    expect(await deliver(stage.platform, endpoint.endpointId)).toMatchObject({ delivered: 2, retried: 0, failed: 0, isPaused: false })
    const taken = stage.receiver.taken(endpoint.path)
    expect(taken.map(({ event }) => event)).toEqual([0, 1].map(() => expect.objectContaining({ type: 'webhook.test', version: 1 })))
    expect(new Set(taken.map(({ id }) => id)).size).toBe(2)
    expect(await stage.deliveries(endpoint.endpointId)).toMatchObject([1, 2].map(() => ({ status: 'delivered', attempts: 1, dueAt: null })))
    expect(await stage.attempts(endpoint.endpointId)).toMatchObject(
      [1, 2].map(() => ({ number: 1, outcome: 'delivered', status: 200, answer: 'thanks' })),
    )
    expect(await stage.read(endpoint.endpointId)).toMatchObject({ leasedUntil: expect.toSatisfy((until) => until <= new Date()) })
    expect(nudgesFor(endpoint)).toEqual([])
  })

  test('is signed by both secrets while a rotation overlaps, and by the new one alone afterwards', async () => {
    const endpoint = await handedOut()
    const previous = newSecret()
    const overlap = (until: string) =>
      sql`update webhook_endpoints set previous_secret_until = now() + ${until}::interval where id = ${endpoint.endpointId}`
    await stage.seal(endpoint, 'signing_previous', previous)
    await stage.db.execute(overlap('1 hour'))
    stage.receiver.expect(endpoint.path, [endpoint.secret, previous])
    expect(await deliver(stage.platform, endpoint.endpointId)).toMatchObject({ delivered: 1 })
    await stage.db.execute(overlap('-1 second'))
    stage.receiver.expect(endpoint.path, [endpoint.secret])
    await stage.tell(endpoint.organizationId)
    await handOut(stage.platform, [endpoint.organizationId])
    expect(await deliver(stage.platform, endpoint.endpointId)).toMatchObject({ delivered: 1 })
    expect(stage.receiver.taken(endpoint.path).map(({ signatures }) => signatures.length)).toEqual([2, 1])
  })

  test('whose Worker dies between sending and writing is sent again, the same under the same id, when the lease has run out', async () => {
    const endpoint = await handedOut()
    const taken = () => stage.receiver.taken(endpoint.path)
    const dying: Db = new Proxy(stage.db, {
      get: (db, name) => (name === 'execute' && taken().length > 0 ? () => Promise.reject(new Error('died')) : Reflect.get(db, name)),
    })
    await expect(deliver({ ...stage.platform, db: dying }, endpoint.endpointId)).rejects.toThrow('died')
    expect(await deliver(stage.platform, endpoint.endpointId)).toBeNull()
    await stage.makeDue(endpoint.endpointId)
    expect(await deliver(stage.platform, endpoint.endpointId)).toMatchObject({ delivered: 1 })
    expect(taken()).toHaveLength(2)
    expect(taken()[1]).toMatchObject({ id: taken()[0]?.id, body: taken()[0]?.body })
    expect(await stage.attempts(endpoint.endpointId)).toMatchObject([{ number: 1, outcome: 'delivered' }])
  })

  test('of a Worker that was overtaken changes nothing of what the other has written', async () => {
    let hold: (() => void) | undefined
    const endpoint = await handedOut({
      answer: (response) => {
        if (hold) response.end('second')
        else hold = () => response.writeHead(500).end('first')
      },
    })
    const slow = deliver(stage.platform, endpoint.endpointId)
    await vi.waitFor(() => expect(hold).toBeDefined())
    await stage.makeDue(endpoint.endpointId)
    expect(await deliver(stage.platform, endpoint.endpointId)).toMatchObject({ delivered: 1 })
    hold?.()
    expect(await slow).toMatchObject({ delivered: 0, retried: 0, unrecorded: 1 })
    expect(await stage.deliveries(endpoint.endpointId)).toMatchObject([{ status: 'delivered', attempts: 1 }])
    expect(await stage.attempts(endpoint.endpointId)).toMatchObject([{ number: 1, outcome: 'delivered', answer: 'second' }])
    expect(await stage.read(endpoint.endpointId)).toMatchObject({ failingSince: null })
  })

  test('goes out by one Worker at a time, a few at once, however many begin', async () => {
    let [open, most] = [0, 0]
    const endpoint = await handedOut(
      {
        answer: (response) => {
          most = Math.max(most, ++open)
          setTimeout(() => response.end(() => open--), 5)
        },
      },
      30,
    )
    const runs = await Promise.all(Array.from({ length: 10 }, () => deliver(stage.platform, endpoint.endpointId)))
    expect(runs.filter((run) => run !== null)).toMatchObject([{ delivered: 30 }])
    expect(stage.receiver.taken(endpoint.path)).toHaveLength(30)
    expect(most).toBe(4)
  })
})

describe('an answer', () => {
  const ask = (status: number, retryAfter: string) => ({
    answer: (response: ServerResponse) => response.writeHead(status, { 'retry-after': retryAfter }).end(),
  })

  test.each([204, 299])('of %i is taken for delivered', async (status) => {
    const { endpointId } = await handedOut({ answer: (response) => response.writeHead(status).end() })
    expect(await deliver(stage.platform, endpointId)).toMatchObject({ delivered: 1 })
    expect(await stage.attempts(endpointId)).toMatchObject([{ outcome: 'delivered', status, answer: null }])
  })

  test.each([301, 302, 307, 308, 400, 404, 500, 502])(
    'of %i is a failure that is tried again in five seconds, and leads nowhere',
    async (status) => {
      const elsewhere = await stage.endpoint()
      const location = stage.receiver.origin + elsewhere.path
      const endpoint = await handedOut({ answer: (response) => response.writeHead(status, { location }).end('no\n\u001b[31m\\') })
      expect(await deliver(stage.platform, endpoint.endpointId)).toMatchObject({ delivered: 0, retried: 1 })
      expect(await stage.attempts(endpoint.endpointId)).toMatchObject([{ outcome: 'refused', status, answer: 'no\\x0a\\x1b[31m\\x5c' }])
      expect(await waitOf(endpoint.endpointId)).toSatisfy((ms: number) => ms > 4_000 && ms < 5_600)
      expect(nudgesFor(endpoint)).toEqual([expect.toSatisfy((seconds) => seconds === 5 || seconds === 6)])
      expect(await stage.read(endpoint.endpointId)).toMatchObject({ status: 'active', failingSince: expect.any(Date) })
      expect(stage.receiver.taken(elsewhere.path)).toEqual([])
    },
  )

  test.each([
    [429, () => '120', 120],
    [503, () => new Date(Date.now() + 600_000).toUTCString(), 600],
    [429, () => '99999999999999999999', 86_400],
    [503, () => 'Fri, 31 Dec 9999 23:59:59 GMT', 86_400],
    [429, () => '0', 5],
    [429, () => '-1', 5],
    [429, () => 'soon', 5],
    [503, () => 'Thu, 01 Jan 1970 00:00:00 GMT', 5],
    [500, () => '120', 5],
  ])('of %i that asks to wait is waited for within bounds', async (status, retryAfter, seconds) => {
    const { endpointId } = await handedOut(ask(status, retryAfter()))
    expect(await deliver(stage.platform, endpointId)).toMatchObject({ retried: 1 })
    expect(await waitOf(endpointId)).toSatisfy((ms: number) => ms > seconds * 1_000 - 1_500 && ms < seconds * 1_000 + 600)
  })

  test('that never comes, never goes on or never ends is waited for no longer than the limit, and never read whole', async () => {
    const never = await handedOut({ answer: () => undefined })
    const halting = await handedOut({ answer: (response) => void response.writeHead(500).write('half') })
    let isClosed = false
    const endless = await handedOut({
      answer: (response) => {
        const chunk = 'x'.repeat(64 * 1_024)
        const pour = () => {
          while (response.write(chunk)) if (response.destroyed) return
          response.once('drain', pour)
        }
        response.once('close', () => {
          isClosed = true
        })
        pour()
      },
    })
    const cut = await handedOut({ answer: (response) => response.socket?.destroy() })
    const [first] = await Promise.all([never, halting, endless, cut].map(({ endpointId }) => deliver(stage.platform, endpointId, 150)))
    expect(first).toMatchObject({ retried: 1, durationMs: expect.toSatisfy((ms) => ms >= 140) })
    expect(await stage.attempts(never.endpointId)).toMatchObject([{ outcome: 'timeout', status: null, answer: 'No answer within 0.15 s.' }])
    expect(await stage.attempts(halting.endpointId)).toMatchObject([{ outcome: 'refused', status: 500, answer: 'half' }])
    expect(await stage.attempts(endless.endpointId)).toMatchObject([{ outcome: 'delivered', answer: 'x'.repeat(512) }])
    expect(await stage.attempts(cut.endpointId)).toMatchObject([{ outcome: 'unreachable', status: null }])
    await vi.waitFor(() => expect(isClosed).toBe(true))
  })

  test('is tried for by the schedule of Standard Webhooks, ten times, and then the delivery has failed', async () => {
    const { endpointId, path } = await handedOut({ answer: (response) => response.writeHead(500).end() })
    for (const delayMs of retryDelaysMs) {
      await stage.makeDue(endpointId)
      expect(await deliver(stage.platform, endpointId)).toMatchObject({ retried: 1 })
      expect(await waitOf(endpointId)).toSatisfy((ms: number) => ms > delayMs - 1_500 && ms <= delayMs * 1.1)
    }
    await stage.makeDue(endpointId)
    expect(await deliver(stage.platform, endpointId)).toMatchObject({ retried: 0, failed: 1 })
    expect(await stage.deliveries(endpointId)).toMatchObject([
      { status: 'failed', attempts: 10, dueAt: null, finishedAt: expect.any(Date) },
    ])
    expect(new Set(stage.receiver.taken(path).map(({ id, body }) => id + body)).size).toBe(1)
    expect((await stage.attempts(endpointId)).map(({ number }) => number)).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 10])
  })
})

describe('a target', () => {
  const script = (name: string, body: object) => fetch(`${dnsOrigin}/control/names/${name}`, { method: 'PUT', body: JSON.stringify(body) })

  /** Delivers, and answers which hosts were fetched from meanwhile. */
  async function fetchedHosts(endpointId: string): Promise<string[]> {
    const spy = vi.spyOn(globalThis, 'fetch')
    await deliver(stage.platform, endpointId)
    const hosts = spy.mock.calls.map(([input]) => new URL(String(input)).origin)
    spy.mockRestore()
    return [...new Set(hosts)]
  }

  test('whose name turned private after it was saved is never fetched', async () => {
    const host = 'turns.target.example.com'
    await script(host, {
      sequence: [
        { a: ['93.184.215.14'], ttlSeconds: 0 },
        { a: ['10.0.0.7'], ttlSeconds: 0 },
      ],
    })
    const url = `https://${host}/hook`
    const { rules, resolver } = stage.platform.targets
    expect(await judgeTarget(new URL(url), rules, resolver)).toEqual({ outcome: 'ok' })
    const { endpointId } = await handedOut({ url })
    expect(await fetchedHosts(endpointId)).toEqual([dnsOrigin])
    expect(await stage.attempts(endpointId)).toMatchObject([{ outcome: 'target_refused', status: null }])
    expect(await stage.deliveries(endpointId)).toMatchObject([{ status: 'pending', attempts: 1 }])
  })

  test('of which DNS cannot tell anything is tried again and never fetched', async () => {
    const { endpointId } = await handedOut({ url: 'https://failing.target.example.com/hook' })
    expect(await fetchedHosts(endpointId)).toEqual([dnsOrigin])
    expect(await stage.attempts(endpointId)).toMatchObject([{ outcome: 'unreachable', status: null }])
    expect(await stage.deliveries(endpointId)).toMatchObject([{ status: 'pending', attempts: 1 }])
  })

  test('that the rules of today refuse is not even asked DNS about', async () => {
    const { endpointId } = await handedOut({ url: 'http://169.254.169.254/latest' })
    expect(await fetchedHosts(endpointId)).toEqual([])
    expect(await stage.attempts(endpointId)).toMatchObject([{ outcome: 'target_refused' }])
  })
})

describe('a signing secret that cannot be opened', () => {
  test('delays what is due, costs it no attempt, and is no failure of the endpoint', async () => {
    const endpoint = await handedOut({}, 2)
    const away = {
      ...stage.platform,
      keyRing: () => {
        throw new KekMisconfiguration(['KMS is away'])
      },
    }
    for (let time = 0; time < 2; time++) {
      expect(await deliver(away, endpoint.endpointId)).toMatchObject({ delivered: 0, retried: 0, unsigned: 2 })
      // Nobody else hurries to meet the same fault.
      expect(await deliver(away, endpoint.endpointId)).toBeNull()
      await stage.makeDue(endpoint.endpointId)
    }
    expect(await stage.attempts(endpoint.endpointId)).toMatchObject(
      [1, 2].map(() => ({ number: 1, outcome: 'secret_unavailable', status: null })),
    )
    expect(await stage.deliveries(endpoint.endpointId)).toMatchObject([1, 2].map(() => ({ status: 'pending', attempts: 0 })))
    expect(await stage.read(endpoint.endpointId)).toMatchObject({ failingSince: null })
    expect(stage.receiver.taken(endpoint.path)).toEqual([])
    expect(await deliver(stage.platform, endpoint.endpointId)).toMatchObject({ delivered: 2 })
    expect(await stage.attempts(endpoint.endpointId)).toMatchObject([1, 2].map(() => ({ number: 1, outcome: 'delivered', status: 200 })))
  })
})

describe('an endpoint', () => {
  const broken = { answer: (response: ServerResponse) => response.writeHead(500).end() }
  const failingFor = (days: number) => new Date(Date.now() - days * 86_400_000)
  const audited = (endpoint: TestEndpoint) => stage.db.select().from(auditLog).where(eq(auditLog.chain, endpoint.organizationId))

  /** Members of each role, the last one with an address that was never confirmed; answers who is written to. */
  async function mailed({ organizationId, endpointId }: TestEndpoint, work: () => Promise<void>): Promise<string[]> {
    const ids: string[] = []
    for (const role of ['owner', 'admin', 'billing_admin', 'developer', 'owner'] as const) {
      const userId = newId('usr')
      const emailVerifiedAt = ids.length < 4 ? new Date() : null
      await stage.db.insert(users).values({ id: userId, email: `${userId}@example.com`, name: 'Test', emailVerifiedAt })
      await stage.db.insert(memberships).values({ organizationId, userId, role })
      ids.push(userId)
    }
    await work()
    const messages = (await stage.db.select().from(mailOutbox)).map(({ message }) => MailMessage.parse(message))
    const about = messages.filter((message) => message.kind === 'webhook_paused' && message.endpointId === endpointId)
    return about
      .map((message) =>
        'userId' in message ? (['owner', 'admin', 'billing_admin', 'developer', 'unconfirmed'][ids.indexOf(message.userId)] ?? '') : '',
      )
      .sort()
  }

  test('that answers 410 is paused, what waits for it fails, and people and the audit log are told once', async () => {
    const endpoint = await handedOut({ answer: (response) => response.writeHead(410).end('gone') }, 9)
    const told = await mailed(endpoint, async () => {
      expect(await deliver(stage.platform, endpoint.endpointId)).toMatchObject({ isPaused: true, delivered: 0, retried: 0 })
    })
    expect(told).toEqual(['admin', 'owner'])
    expect(stage.receiver.taken(endpoint.path).length).toBeLessThanOrEqual(4)
    expect(await stage.read(endpoint.endpointId)).toMatchObject({ status: 'paused', pausedBecause: 'gone' })
    expect((await stage.deliveries(endpoint.endpointId)).map(({ status }) => status)).toEqual(Array(9).fill('failed'))
    expect(await audited(endpoint)).toMatchObject([
      { action: 'webhook.paused', actorType: 'system', targetId: endpoint.endpointId, after: { status: 'paused', pausedBecause: 'gone' } },
    ])
  })

  test('that has failed for five days is paused, and what waits for it goes on when it is resumed', async () => {
    const endpoint = await handedOut({ ...broken, failingSince: failingFor(5) }, 9)
    const told = await mailed(endpoint, async () => {
      expect(await deliver(stage.platform, endpoint.endpointId)).toMatchObject({ isPaused: true })
    })
    expect(told).toEqual(['admin', 'owner'])
    expect(await stage.read(endpoint.endpointId)).toMatchObject({ status: 'paused', pausedBecause: 'failing' })
    expect(await audited(endpoint)).toMatchObject([{ action: 'webhook.paused', after: { pausedBecause: 'failing' } }])
    const tried = stage.receiver.taken(endpoint.path).length
    expect(tried).toBeLessThanOrEqual(4)
    await stage.makeDue(endpoint.endpointId)
    stage.begun.length = 0
    await handOut(stage.platform, [endpoint.organizationId])
    expect(stage.begun).toEqual([])
    expect(await deliver(stage.platform, endpoint.endpointId)).toBeNull()
    stage.receiver.expect(endpoint.path, [endpoint.secret])
    const resumed = { status: 'active', pausedBecause: null, failingSince: null } as const
    await stage.db.update(webhookEndpoints).set(resumed).where(eq(webhookEndpoints.id, endpoint.endpointId))
    expect(await deliver(stage.platform, endpoint.endpointId)).toMatchObject({ delivered: 9 })
  })

  test('that has failed for less is not, and one success forgives it', async () => {
    const since = failingFor(4.9)
    const endpoint = await handedOut({ ...broken, failingSince: since })
    expect(await deliver(stage.platform, endpoint.endpointId)).toMatchObject({ isPaused: false, retried: 1 })
    expect(await stage.read(endpoint.endpointId)).toMatchObject({ status: 'active', failingSince: since })
    stage.receiver.expect(endpoint.path, [endpoint.secret])
    await stage.makeDue(endpoint.endpointId)
    expect(await deliver(stage.platform, endpoint.endpointId)).toMatchObject({ delivered: 1 })
    expect(await stage.read(endpoint.endpointId)).toMatchObject({ failingSince: null })
    expect(await audited(endpoint)).toEqual([])
  })

  test('that somebody pauses in the middle of a run gets nothing more than what is under way', async () => {
    const endpoint = await handedOut(
      {
        answer: async (response) => {
          const asked = { status: 'paused', pausedBecause: 'asked' } as const
          await stage.db.update(webhookEndpoints).set(asked).where(eq(webhookEndpoints.organizationId, endpoint.organizationId))
          response.end()
        },
      },
      45,
    )
    await deliver(stage.platform, endpoint.endpointId)
    // A batch that was read before goes on.
    expect(stage.receiver.taken(endpoint.path)).toHaveLength(20)
    expect((await stage.deliveries(endpoint.endpointId)).filter(({ status }) => status === 'pending')).toHaveLength(25)
  })

  test('that is slow is left after some seconds, and nudged for', async () => {
    const endpoint = await handedOut({ answer: (response) => vi.setSystemTime(Date.now() + 9_000) && response.end() }, 9)
    vi.useFakeTimers({ toFake: ['Date'] })
    const delivered = await deliver(stage.platform, endpoint.endpointId)
    vi.useRealTimers()
    expect(delivered?.delivered).toBeLessThanOrEqual(4)
    expect(nudgesFor(endpoint)).toEqual([0])
    const left = await stage.db.$count(
      webhookDeliveries,
      sql`${eq(webhookDeliveries.endpointId, endpoint.endpointId)} and status = 'pending'`,
    )
    expect(left).toBe(9 - Number(delivered?.delivered))
  })
})
