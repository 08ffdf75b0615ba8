import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest'
import { createDnsEndpoint } from '#workers/dev/dns/endpoint.ts'
import type { TargetRules } from './check-target.ts'
import { judgeTarget } from './judge-target.ts'
import { type DnsResolver, openDnsResolver, resolvesPublicly } from './resolve-target.ts'

const ipv4 = '93.184.215.14'
const ipv6 = '2606:2800:21f:cb07:6820:80da:af6b:8b2c'

const scripted = createDnsEndpoint()
let scriptedUrl = ''
/** A resolver that answers each type with any bytes at all. */
let answers: Record<string, { status?: number; body: string }> = {}
const raw: Server = createServer((request, response) => {
  const answer = answers[new URL(request.url ?? '', 'http://dns').searchParams.get('type') ?? '']
  if (answer) response.writeHead(answer.status ?? 200, { location: '/elsewhere' }).end(answer.body)
  else response.writeHead(200).write('{"Status"') // And nothing more.
})
let rawUrl = ''

async function listen(server: Server): Promise<string> {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  // A server that listens on TCP has an address of this shape.
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
}

beforeAll(async () => {
  scriptedUrl = await listen(scripted)
  rawUrl = await listen(raw)
})
afterAll(() => {
  for (const server of [scripted, raw]) {
    server.closeAllConnections()
    server.close()
  }
})
afterEach(() => {
  vi.useRealTimers()
})

const open = (timeoutMs?: number): DnsResolver => openDnsResolver(`${scriptedUrl}/dns-query`, timeoutMs)

async function script(host: string, content: object): Promise<void> {
  const response = await fetch(`${scriptedUrl}/control/names/${host}`, { method: 'PUT', body: JSON.stringify(content) })
  expect(response.status).toBe(204)
}

async function countAsked(host: string): Promise<unknown> {
  return JSON.parse(await (await fetch(`${scriptedUrl}/control/names/${host}`)).text()).asked
}

test.each<[resolution: string, what: string, host: string, content: object]>([
  ['public', 'both kinds public', 'both.example.com', { a: [ipv4, '8.8.8.8'], aaaa: [ipv6] }],
  ['public', 'IPv4 alone', 'four.example.com', { a: [ipv4] }],
  ['public', 'IPv6 alone', 'six.example.com', { aaaa: [ipv6] }],
  ['public', 'an alias of a public host', 'alias.example.com', { cname: 'far.example.net', a: [ipv4], aaaa: [ipv6] }],
  ['private', 'a private address', 'private.example.com', { a: ['10.1.2.3'] }],
  ['private', 'one private address among public ones', 'mixed.example.com', { a: [ipv4, '127.0.0.1', '8.8.8.8'] }],
  ['private', 'IPv4 public, IPv6 private', 'split.example.com', { a: [ipv4], aaaa: ['fd00:ec2::254'] }],
  ['private', 'IPv4 private, IPv6 public', 'turned.example.com', { a: ['169.254.169.254'], aaaa: [ipv6] }],
  ['private', 'mapped IPv4', 'mapped.example.com', { aaaa: ['::ffff:127.0.0.1'] }],
  ['private', 'an alias of a private host', 'inward.example.com', { cname: 'db.internal', a: ['192.168.1.1'] }],
  ['absent', 'no addresses', 'empty.example.com', {}],
  ['absent', 'an alias without addresses', 'dangling.example.com', { cname: 'gone.example.net' }],
  ['absent', 'no such name', 'missing.example.com', { status: 3 }],
  ['unknown', 'SERVFAIL', 'failing.example.com', { a: [ipv4], status: 2 }],
  ['unknown', 'REFUSED', 'refused.example.com', { a: [ipv4], status: 5 }],
  ['unknown', 'a slow resolver', 'slow.example.com', { a: [ipv4], delayMs: 5_000 }],
])('%s: %s', async (resolution, _, host, content) => {
  await script(host, content)
  expect(await resolvesPublicly(host, open(resolution === 'unknown' ? 200 : undefined))).toBe(resolution)
})

const message = (content: object) => ({ body: JSON.stringify({ Status: 0, TC: false, ...content }) })
const record = (type: number, data: string) => ({ name: 'a.example.com', type, TTL: 300, data })
const good = message({ Answer: [record(1, ipv4)] })

describe('half an answer, or one that cannot be read, allows nothing', () => {
  test.each<[resolution: string, what: string, A: (typeof answers)[string] | undefined, AAAA: (typeof answers)[string] | undefined]>([
    ['public', 'the control', good, message({})],
    ['unknown', 'AAAA failed', good, message({ Status: 2 })],
    ['unknown', 'A failed', message({ Status: 2 }), message({ Answer: [record(28, ipv6)] })],
    ['private', 'AAAA failed, A private', message({ Answer: [record(1, '10.0.0.1')] }), message({ Status: 2 })],
    ['unknown', 'AAAA failed, no A', message({}), message({ Status: 2 })],
    ['unknown', 'a truncated answer', good, message({ TC: true })],
    ['unknown', 'an endless answer', good, undefined],
    ['unknown', 'a redirect', good, { status: 302, body: message({}).body }],
    ['unknown', 'an error with a good body', { status: 500, body: good.body }, message({})],
    ['unknown', 'HTML', good, { body: '<html>' }],
    ['unknown', 'nothing', good, { body: '' }],
    ['unknown', 'null', good, { body: 'null' }],
    ['unknown', 'no status', good, { body: '{"TC":false}' }],
    ['unknown', 'a status in words', good, { body: '{"TC":false,"Status":"0"}' }],
    ['unknown', 'a record without data', good, message({ Answer: [{ type: 28, TTL: 1 }] })],
    ['unknown', 'more than any resolver says', good, message({ Comment: 'x'.repeat(70_000) })],
    ['private', 'an address that is none', message({ Answer: [record(1, 'a.example.com')] }), message({})],
    ['private', 'a private address of the kind that was not asked for', good, message({ Answer: [record(1, '10.0.0.1')] })],
    [
      'public',
      'signatures and aliases beside the addresses',
      message({ Answer: [record(5, 'b.'), record(46, 'sig'), record(1, ipv4)] }),
      message({}),
    ],
  ])('%s: %s', async (resolution, _, A, AAAA) => {
    answers = { ...(A && { A }), ...(AAAA && { AAAA }) }
    expect(await resolvesPublicly('a.example.com', openDnsResolver(rawUrl, 300))).toBe(resolution)
  })

  test('unknown: nobody listens', async () => {
    expect(await resolvesPublicly('a.example.com', openDnsResolver('http://127.0.0.1:1/dns-query'))).toBe('unknown')
  })
})

describe('what is remembered', () => {
  const advance = (ms: number) => vi.setSystemTime(Date.now() + ms)

  test.each([
    ['its time to live', 20, 20_000],
    ['a minute, however long it lives', 86_400, 60_000],
  ])('a public name is asked for again after %s, and found to have turned private', async (_, ttlSeconds, keptMs) => {
    vi.useFakeTimers({ toFake: ['Date'] })
    const host = `turning-${ttlSeconds}.example.com`
    const resolver = open()
    await script(host, { sequence: [{ a: [ipv4], ttlSeconds }, { a: ['127.0.0.1'] }] })
    expect(await resolvesPublicly(host, resolver)).toBe('public')
    advance(keptMs - 1)
    expect(await resolvesPublicly(host, resolver)).toBe('public')
    expect(await countAsked(host)).toEqual({ A: 1, AAAA: 1 })
    advance(1)
    expect(await resolvesPublicly(host, resolver)).toBe('private')
  })

  test('the shortest time to live on the way counts, and zero is not remembered', async () => {
    vi.useFakeTimers({ toFake: ['Date'] })
    const resolver = openDnsResolver(rawUrl)
    answers = { A: good, AAAA: message({ Answer: [{ ...record(5, 'b.'), TTL: 3 }, record(28, ipv6)] }) }
    expect(await resolvesPublicly('short.example.com', resolver)).toBe('public')
    answers = { A: message({ Answer: [{ ...record(1, ipv4), TTL: 0 }] }), AAAA: message({}) }
    expect(await resolvesPublicly('zero.example.com', resolver)).toBe('public')
    answers = { A: message({ Status: 3 }), AAAA: message({ Status: 3 }) }
    expect(await resolvesPublicly('zero.example.com', resolver)).toBe('absent')
    advance(2_999)
    expect(await resolvesPublicly('short.example.com', resolver)).toBe('public')
    advance(1)
    expect(await resolvesPublicly('short.example.com', resolver)).toBe('absent')
  })

  test.each([
    ['unknown', { status: 2 }],
    ['absent', { status: 3 }],
    ['private', { a: ['10.0.0.1'] }],
  ])('%s is never remembered', async (resolution, first) => {
    const host = `recovering-${resolution}.example.com`
    const resolver = open()
    await script(host, { sequence: [first, { a: [ipv4] }] })
    expect(await resolvesPublicly(host, resolver)).toBe(resolution)
    expect(await resolvesPublicly(host, resolver)).toBe('public')
  })

  test('of many names only the last thousand', async () => {
    answers = { A: good, AAAA: message({}) }
    const resolver = openDnsResolver(rawUrl)
    for (let count = 0; count < 1_000; count++) resolver.publicUntilMs.set(`name-${count}.example.com`, Number.POSITIVE_INFINITY)
    await resolvesPublicly('one-more.example.com', resolver)
    expect(resolver.publicUntilMs.size).toBe(1_000)
    expect([...resolver.publicUntilMs.keys()].at(0)).toBe('name-1.example.com')
    expect(resolver.publicUntilMs.has('one-more.example.com')).toBe(true)
  })
})

describe('a target is judged', () => {
  const rules: TargetRules = { ownHosts: [], allowed: new Set(['http://127.0.0.1:8791', 'https://private.target.example.com']) }

  test.each([
    ['https://public.target.example.com/v1', { outcome: 'ok' }],
    ['https://private.target.example.com:8443/v1', { outcome: 'refused', reason: 'The host has an address that is not public.' }],
    ['https://alias.target.example.com/v1', { outcome: 'refused', reason: 'The host has an address that is not public.' }],
    ['https://nobody.target.example.com/v1', { outcome: 'refused', reason: 'The host has no address.' }],
    ['https://failing.target.example.com/v1', { outcome: 'unknown' }],
  ])('%s by its addresses', async (url, judgement) => {
    expect(await judgeTarget(new URL(url), rules, open())).toEqual(judgement)
  })

  test('what an operator allows is not resolved', async () => {
    const nobody = openDnsResolver('http://127.0.0.1:1/dns-query')
    for (const url of ['http://127.0.0.1:8791/v1', 'https://private.target.example.com/v1'])
      expect(await judgeTarget(new URL(url), rules, nobody)).toEqual({ outcome: 'ok' })
  })
})
