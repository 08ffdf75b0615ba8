import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createServer, type Server } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, beforeEach, describe, test } from 'vitest'
import { NewCredit } from '#shared/contracts/credit.ts'
import { readJson, sendJson } from '../json-http.ts'
import { runRelay } from './run.ts'

interface Sent {
  method: string | undefined
  path: string | undefined
  headers: Record<string, string | string[] | undefined>
  body: unknown
}

const folder = mkdtempSync(join(tmpdir(), 'relay-command-'))
const stackFile = join(folder, 'stack.json')
let server: Server
let adminUrl = ''
let sent: Sent[] = []
/** Answers in the order they are given; a status of 0 hangs up. */
let answers: { status: number; content: unknown; type?: string }[] = []

beforeAll(async () => {
  server = createServer(async (request, response) => {
    const { method, url: path, headers } = request
    sent.push({ method, path, headers, body: await readJson(request) })
    const answer = answers.shift() ?? { status: 500, content: {} }
    if (answer.status === 0) response.destroy()
    else sendJson(response, answer.status, answer.content)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const address = server.address()
  adminUrl = typeof address === 'object' && address !== null ? `http://127.0.0.1:${address.port}` : ''
  writeFileSync(stackFile, JSON.stringify({ adminUrl, access: { clientId: 'id.access', clientSecret: 'hush' } }))
})
afterAll(() => {
  server.close()
  rmSync(folder, { recursive: true })
})
beforeEach(() => {
  sent = []
  answers = []
})

async function relay(parameters: string[], env: Record<string, string> = { RELAY_STACK: stackFile }) {
  let out = ''
  let err = ''
  const print = (text: string) => {
    out += text
  }
  const complain = (text: string) => {
    err += text
  }
  const code = await runRelay(parameters, { env, print, complain, readInput: async () => '' })
  return { code, out, err }
}

const customer = {
  organizationId: 'org_a',
  name: 'Ada',
  status: 'active',
  balanceNanos: 12_345_678_901,
  overdraftNanos: 0,
  lowBalanceNanos: null,
  version: 3,
  limits: { requestsPerMinute: 60, concurrency: 4 },
  createdAt: '2026-01-01T00:00:00.000Z',
  ledger: { heldNanos: 1, unconfirmedNanos: 2, availableNanos: 12_345_678_898 },
  ledgerNote: null,
  keys: [],
}

describe('customer', () => {
  test('create sends exact nano-dollars with the service token, and prints one JSON object', async ({ expect }) => {
    answers = [{ status: 201, content: { organizationId: 'org_a', keyId: 'key_a', apiKey: 'rrk_secret' } }]
    const { code, out, err } = await relay(['customer', 'create', '--credit-usd', '0.01', '--requests-per-minute', '60', '--json'])
    expect(sent[0]).toMatchObject({
      method: 'POST',
      path: '/customers',
      body: { creditNanos: 10_000_000, limits: { requestsPerMinute: 60 } },
      headers: { 'cf-access-client-id': 'id.access', 'cf-access-client-secret': 'hush', 'content-type': 'application/json' },
    })
    expect(JSON.parse(out)).toEqual({ organizationId: 'org_a', apiKey: 'rrk_secret', keyId: 'key_a' })
    expect({ code, err, lines: out.trim().split('\n').length }).toEqual({ code: 0, err: '', lines: 1 })
  })

  test('show writes money exactly', async ({ expect }) => {
    answers = [{ status: 200, content: customer }]
    const { out } = await relay(['customer', 'show', 'org_a'])
    expect(out).toContain('$12.345678901 (version 3)')
    expect(out).toContain('$0.000000001 by running requests')
  })

  test('limits keeps what is not named, and none takes a limit away', async ({ expect }) => {
    answers = [
      { status: 200, content: customer },
      { status: 200, content: { organizationId: 'org_a', pushed: false } },
    ]
    const { code, err } = await relay(['customer', 'limits', 'org_a', '--requests-per-minute', 'none', '--tokens-per-minute', '9'])
    expect(sent[1]).toMatchObject({ method: 'PUT', path: '/customers/org_a/limits' })
    expect(sent[1]?.body).toEqual({ limits: { concurrency: 4, tokensPerMinute: 9 } })
    expect(code).toBe(0)
    expect(err).toContain('warning: the change is stored')
  })

  test('limits takes spend caps and a low balance in dollars, and none takes them away', async ({ expect }) => {
    const spending = { ...customer, limits: { spendPerMonthNanos: 7 }, lowBalanceNanos: 9 }
    const pushed = { status: 200, content: { organizationId: 'org_a', pushed: true } }
    answers = [{ status: 200, content: spending }, pushed, { status: 200, content: spending }, pushed]
    const { out } = await relay(['customer', 'limits', 'org_a', '--spend-per-day-usd', '12.5', '--low-balance-usd', '2'])
    expect(sent[1]?.body).toEqual({ limits: { spendPerDayNanos: 12_500_000_000, spendPerMonthNanos: 7 }, lowBalanceNanos: 2_000_000_000 })
    expect(out).toContain('$12.50 a day, $0.000000007 a month; low balance $2.00.')
    await relay(['customer', 'limits', 'org_a', '--spend-per-month-usd', 'none', '--low-balance-usd', 'none'])
    expect(sent[3]?.body).toEqual({ limits: {}, lowBalanceNanos: null })
    expect((await relay(['customer', 'limits', 'org_a', '--spend-per-day-usd', '-1'])).code).toBe(2)
  })

  test('events shows what a customer was told, and how to go on', async ({ expect }) => {
    const told = { version: 1, organizationId: 'org_a', createdAt: '2026-01-01T00:00:00.000Z' }
    const paused = { ...told, id: 'evt_8', type: 'byok.invalid', data: { credentialId: 'byk_a' } }
    const event = { ...told, id: 'evt_7', type: 'balance.low', data: { balanceNanos: 4, thresholdNanos: 5 } }
    answers = [
      { status: 200, content: { events: [paused, event], next: 7 } },
      { status: 200, content: { events: [], next: null } },
    ]
    const { code, out } = await relay(['customer', 'events', 'org_a'])
    expect([code, sent[0]?.path]).toEqual([0, '/customers/org_a/events'])
    expect(out).toMatch(/byok\.invalid .* byk_a\n.*balance\.low .*\n\nMore: .* --before 7/)
    expect((await relay(['customer', 'events', 'org_a', '--before', '7'])).out).toContain('Nothing has been told')
    expect(sent[1]?.path).toBe('/customers/org_a/events?before=7')
  })

  test('suspend and restore', async ({ expect }) => {
    answers = [1, 2].map(() => ({ status: 200, content: { organizationId: 'org_a', pushed: true } }))
    await relay(['customer', 'suspend', 'org_a'])
    await relay(['customer', 'restore', 'org_a'])
    expect(sent.map((each) => each.body)).toEqual([{ status: 'suspended' }, { status: 'active' }])
  })

  test('list follows the pages', async ({ expect }) => {
    answers = [
      { status: 200, content: { customers: [customer], next: 'org_a' } },
      { status: 200, content: { customers: [{ ...customer, organizationId: 'org_b', name: 'evil\u001b[2J' }], next: null } },
    ]
    const { out } = await relay(['customer', 'list'])
    expect(sent.map((each) => each.path)).toEqual(['/customers', '/customers?after=org_a'])
    expect(out).toContain('org_b')
    expect(out).not.toContain('\u001b')
  })

  test('an id never leaves its place in the path', async ({ expect }) => {
    await relay(['customer', 'show', '../models?x#y'])
    expect(sent[0]?.path).toBe('/customers/..%2Fmodels%3Fx%23y')
  })
})

describe('credit', () => {
  const posted = { organizationId: 'org_a', amountNanos: -500_000_000, balanceNanos: -1, replayed: false, pushed: true }

  test('a negative amount debits', async ({ expect }) => {
    answers = [{ status: 200, content: posted }]
    const { code, out } = await relay(['credit', 'org_a', '--usd', '-0.5', '--reason', 'abuse', '--idempotency-key', 'k1'])
    expect(sent[0]?.body).toEqual({ amountNanos: -500_000_000, reason: 'abuse', idempotencyKey: 'k1' })
    expect({ code, out }).toEqual({ code: 0, out: '-$0.50 posted. The balance is -$0.000000001.\n' })
  })

  test('when the answer is lost, the same key is offered for the next try', async ({ expect }) => {
    answers = [{ status: 0, content: {} }]
    const { code, err } = await relay(['credit', 'org_a', '--usd', '5', '--reason', 'gift'])
    const { idempotencyKey } = NewCredit.parse(sent[0]?.body)
    expect(idempotencyKey).toMatch(/^crd_/)
    expect(code).toBe(1)
    expect(err).toContain(`--idempotency-key ${idempotencyKey}`)
    answers = [{ status: 409, content: { detail: 'Taken.', code: 'conflict' } }]
    expect((await relay(['credit', 'org_a', '--usd', '5', '--reason', 'gift'])).err).toBe('error: Taken. (409 conflict)\n')
  })
})

describe('key', () => {
  test('create, limits and revoke', async ({ expect }) => {
    const rules = { limits: { concurrency: 2 }, allowedModels: null, allowedIps: null, expiresAt: null, revokedAt: null }
    const key = { keyId: 'key_a', name: 'ci', redactedKey: 'rrk_ab…yz', createdBy: 'ada@example.com', ...rules }
    const changed = { status: 200, content: { organizationId: 'org_a', keyId: 'key_a', pushed: true } }
    answers = [
      { status: 201, content: { organizationId: 'org_a', keyId: 'key_a', apiKey: 'rrk_x', redactedKey: 'rrk_ab…yz', pushed: true } },
      { status: 200, content: { keys: [{ ...key, createdAt: customer.createdAt }] } },
      changed,
      changed,
    ]
    await relay([
      'key',
      'create',
      'org_a',
      '--name',
      'ci',
      '--models',
      'gpt-a, claude-b',
      '--ips',
      '203.0.113.0/24',
      '--expires',
      '2999-01-01',
    ])
    await relay(['key', 'limits', 'org_a', 'key_a', '--requests-per-day', '5', '--spend-per-month-usd', '0'])
    const { out } = await relay(['key', 'revoke', 'org_a', 'key_a'])
    const [allowedModels, allowedIps, expiresAt] = [['gpt-a', 'claude-b'], ['203.0.113.0/24'], '2999-01-01T00:00:00.000Z']
    expect(sent[0]?.body).toEqual({ name: 'ci', limits: {}, allowedModels, allowedIps, expiresAt })
    expect(sent[2]).toMatchObject({
      method: 'PUT',
      path: '/customers/org_a/keys/key_a/limits',
      body: { limits: { concurrency: 2, requestsPerDay: 5, spendPerMonthNanos: 0 } },
    })
    expect(sent[3]).toMatchObject({ method: 'DELETE', path: '/customers/org_a/keys/key_a' })
    expect(out).toBe('key_a is revoked.\n')
  })
})

describe('reports', () => {
  test('reconcile ends with 1 when the books differ, and 0 when they agree', async ({ expect }) => {
    const difference = {
      organizationId: 'org_a',
      balanceNanos: '11',
      entriesNanos: '10',
      usageEntriesNanos: '0',
      recordsNanos: '0',
      dailyNanos: '99999999999999999999',
      hourlyNanos: '0',
    }
    answers = [
      { status: 200, content: { differences: [difference] } },
      { status: 200, content: { differences: [] } },
    ]
    const differing = await relay(['reconcile'])
    expect(differing).toMatchObject({ code: 1, err: '' })
    expect(differing.out).toContain('99999999999999999999 nano-dollars')
    expect(await relay(['reconcile', 'org_a'])).toMatchObject({ code: 0, out: 'The books agree to the nano-dollar.\n' })
    expect(sent.map((each) => each.body)).toEqual([{}, { organizationId: 'org_a' }])
  })

  test('reconciliations show each run with its findings, and end with 1 when the latest has any', async ({ expect }) => {
    const finding = { organizationId: 'org_a', kind: 'hold_overdue', subject: 'req_a', expected: '2026-01-01T00:00:00.000Z', found: '7' }
    const quiet = {
      reconciliationId: 1,
      startedAt: '2026-01-01T00:41:00.000Z',
      finishedAt: '2026-01-01T00:41:05.000Z',
      customers: 3,
      findingCount: 0,
      resumesAfter: null,
      findings: [],
    }
    const loud = { ...quiet, reconciliationId: 2, startedAt: '2026-01-01T01:41:00.000Z', findingCount: 1, findings: [finding] }
    answers = [
      { status: 200, content: { runs: [loud, quiet] } },
      { status: 200, content: { runs: [quiet, loud] } },
      { status: 200, content: { runs: [] } },
    ]
    const { code, out } = await relay(['reconciliations'])
    expect(code).toBe(1)
    expect(out).toMatch(/2026-01-01T01:41:00\.000Z +org_a +hold_overdue +req_a +2026-01-01T00:00:00\.000Z +7/)
    expect(await relay(['reconciliations'])).toMatchObject({ code: 0 })
    expect(await relay(['reconciliations'])).toMatchObject({ code: 0, out: 'No run yet.\n' })
    expect(sent.map(({ method, path }) => [method, path])).toEqual(Array(3).fill(['GET', '/reconciliations']))
  })

  test('usage asks for the days and sums them', async ({ expect }) => {
    const row = {
      day: '2026-01-01',
      keyId: 'key_a',
      model: 'gpt-a',
      requests: 1,
      inputTokens: 2,
      cacheReadTokens: 0,
      cacheWrite5mTokens: 0,
    }
    const full = { ...row, cacheWrite1hTokens: 0, outputTokens: 3, reasoningTokens: 0, costNanos: 1_500_000_000 }
    answers = [
      { status: 200, content: { organizationId: 'org_a', from: '2026-01-01', to: '2026-01-02', rows: [full, { ...full, model: 'b' }] } },
    ]
    const { out } = await relay(['usage', 'org_a', '--from', '2026-01-01', '--to', '2026-01-02'])
    expect(sent[0]?.path).toBe('/customers/org_a/usage?from=2026-01-01&to=2026-01-02')
    expect(out).toContain('2026-01-01 to 2026-01-02: $3.00')
  })

  test('model list writes prices in dollars per million tokens', async ({ expect }) => {
    const price = { inputPicos: 150_000, cacheReadPicos: 75_000, cacheWrite5mPicos: 0, cacheWrite1hPicos: 0, outputPicos: 600_000 }
    const model = {
      modelId: 'gpt-a',
      kind: 'chat',
      aliases: [],
      contextTokens: 1000,
      maxOutputTokens: 100,
      price,
      priceVersionId: 'prc_a',
      routes: [],
    }
    answers = [{ status: 200, content: { models: [model] } }]
    const { out } = await relay(['model', 'list'])
    expect(out).toMatch(/gpt-a +chat +1000 +\$0\.15 +\$0\.075 +\$0\.60 +none/)
  })
})

test('route list writes the health of each route, in one line each', async ({ expect }) => {
  const route = { modelId: 'm', upstream: 'cpa', upstreamModel: 'real-m', dialects: ['openai-chat'], priority: 0, weight: 2 }
  const checked = { ...route, routeId: 'rte_a', state: 'down', reason: 'It is away.', checkedAt: '2026-01-02T03:04:05.000Z' }
  const unchecked = { ...route, routeId: 'rte_b', state: null, reason: null, checkedAt: null }
  answers = [{ status: 200, content: { routes: [checked, unchecked] } }]
  const { out } = await relay(['route', 'list'])
  expect(sent[0]).toMatchObject({ method: 'GET', path: '/routes' })
  expect(out).toMatch(/^m +rte_a +cpa \(real-m\) +openai-chat +0 +2 +down +It is away\. +2026-01-02T03:04:05\.000Z$/m)
  expect(out).toMatch(/^m +rte_b .* unchecked +never$/m)
})

describe('what is refused', () => {
  test('a wrong call ends with 2 and sends nothing', async ({ expect }) => {
    const calls = [
      [],
      ['bogus'],
      ['customer'],
      ['customer', 'show'],
      ['customer', 'limits', 'org_a'],
      ['customer', 'create', '--credit-usd', '1e3'],
      ['customer', 'create', '--credit-usd', '-1'],
      ['customer', 'create', '--concurrency', '1.5'],
      ['customer', 'create', '--low-balance-usd', '-1'],
      ['customer', 'limits', 'org_a', '--spend-per-day-usd', '0.0000000001'],
      ['key', 'limits', 'org_a', 'key_a', '--spend-per-month-usd', '4500001'],
      ['credit', 'org_a', '--usd', '5'],
      ['credit', 'org_a', '--usd', '0', '--reason', 'nothing'],
      ['key', 'create', 'org_a', '--expires', '2020-01-01'],
      ['usage', 'org_a', '--from', '2026-02-30'],
    ]
    for (const call of calls) expect([call, await relay(call)]).toMatchObject([call, { code: 2, out: '' }])
    expect(sent).toEqual([])
  })

  test('every command has help, without any deployment', async ({ expect }) => {
    for (const call of [['--help'], ['customer', '--help'], ['credit', '--help'], ['key', 'create', '--help'], ['help', 'reconcile']]) {
      expect(await relay(call, {})).toMatchObject({ code: 0, err: '', out: expect.stringContaining('Usage: relay') })
    }
  })

  test('no deployment, half a deployment, or one that would send the secret in clear', async ({ expect }) => {
    const full = { RELAY_ADMIN_URL: 'http://admin.example', RELAY_ACCESS_CLIENT_ID: 'i', RELAY_ACCESS_CLIENT_SECRET: 's' }
    const list = ['customer', 'list']
    expect((await relay(list, { RELAY_STACK: join(folder, 'none.json') })).err).toContain('npm start')
    expect((await relay(list, { RELAY_ADMIN_URL: adminUrl })).err).toContain(
      'RELAY_ACCESS_CLIENT_ID and RELAY_ACCESS_CLIENT_SECRET must be set',
    )
    expect(await relay(list, full)).toMatchObject({ code: 1, err: expect.stringContaining('https://') })
    expect(await relay(list, { ...full, RELAY_ADMIN_URL: 'http://127.0.0.1:1' })).toMatchObject({
      code: 1,
      err: expect.stringContaining('does not answer'),
    })
    expect(sent).toEqual([])
  })

  test('a problem is told with its request id, a refusal of Access as such', async ({ expect }) => {
    answers = [
      { status: 404, content: { detail: 'There is no such customer.', code: 'not_found', requestId: 'req_1' } },
      { status: 403, content: { message: 'Forbidden.' } },
      { status: 302, content: '' },
      { status: 200, content: { surprise: true } },
    ]
    const show = ['customer', 'show', 'org_a']
    expect(await relay(show)).toEqual({ code: 1, out: '', err: 'error: There is no such customer. (404 not_found)\n  Request id: req_1\n' })
    expect((await relay(show)).err).toContain('Cloudflare Access refuses the service token.')
    expect((await relay(show)).err).toContain('Cloudflare Access refuses the service token.')
    expect(await relay(show)).toMatchObject({ code: 1, err: expect.stringContaining('unknown form') })
  })
})

describe('parked', () => {
  const at = '2026-01-01T00:00:00.000Z'
  const waiting = { id: 3, eventId: null, organizationId: null, reason: 'does not parse', recordedAt: null, createdAt: at }
  const recorded = { ...waiting, id: 2, eventId: 'req_a:settlement', recordedAt: '2026-02-02T00:00:00.000Z' }

  test('lists what could not be recorded, and fails while one of them waits', async ({ expect }) => {
    answers = [
      { status: 200, content: { parked: [waiting, recorded], next: null } },
      { status: 200, content: { parked: [recorded], next: null } },
      { status: 200, content: { parked: [], next: null } },
    ]
    const { code, out } = await relay(['parked'])
    expect(code).toBe(1)
    expect(out).toMatch(/3 .*unreadable.*unknown.*not yet.*does not parse/)
    const past = await relay(['parked'])
    expect(past).toMatchObject({ code: 0, out: expect.stringContaining('2026-02-02') })
    const empty = await relay(['parked'])
    expect([empty.code, empty.out.trim()]).toEqual([0, 'No event is parked.'])
  })
})
