import { afterAll, beforeAll, expect, test } from 'vitest'
import { listenAnywhere } from '../testing/throwaway.ts'
import { createDnsEndpoint } from './endpoint.ts'

const endpoint = createDnsEndpoint()
let url = ''

beforeAll(async () => {
  url = await listenAnywhere(endpoint)
})
afterAll(() => {
  endpoint.closeAllConnections()
  endpoint.close()
})

async function ask(name: string, type: string): Promise<unknown> {
  const response = await fetch(`${url}/dns-query?name=${name}&type=${type}`, { headers: { accept: 'application/dns-json' } })
  expect(response.headers.get('content-type')).toBe('application/dns-json')
  return response.json()
}

async function script(name: string, content: unknown): Promise<number> {
  return (await fetch(`${url}/control/names/${name}`, { method: 'PUT', body: JSON.stringify(content) })).status
}

const flags = { TC: false, RD: true, RA: true, AD: false, CD: false }
const nothing = (zone: string) => ({ name: zone, type: 6, TTL: 300, data: `ns.${zone}. dns.${zone}. 1 10000 2400 604800 300` })

test('a name answers with its addresses of the asked type, in any letter case', async () => {
  expect(await script('both.example.com', { a: ['192.0.2.1', '192.0.2.2'], aaaa: ['2001:db8::1'], ttlSeconds: 7 })).toBe(204)
  const record = { name: 'both.example.com', TTL: 7 }
  expect(await ask('Both.example.COM', 'A')).toEqual({
    ...{ Status: 0, ...flags, Question: [{ name: 'both.example.com', type: 1 }] },
    Answer: [
      { ...record, type: 1, data: '192.0.2.1' },
      { ...record, type: 1, data: '192.0.2.2' },
    ],
  })
  expect(await ask('both.example.com', 'AAAA')).toMatchObject({ Answer: [{ ...record, type: 28, data: '2001:db8::1' }] })
})

test('an alias stands before the addresses it leads to, and alone where it leads to none', async () => {
  await script('alias.example.com', { cname: 'far.example.net', a: ['192.0.2.1'] })
  const alias = { name: 'alias.example.com', type: 5, TTL: 300, data: 'far.example.net.' }
  const address = { name: 'far.example.net', type: 1, TTL: 300, data: '192.0.2.1' }
  expect(await ask('alias.example.com', 'A')).toMatchObject({ Answer: [alias, address] })
  expect(await ask('alias.example.com', 'AAAA')).toMatchObject({ Status: 0, Answer: [alias], Authority: [nothing('example.com')] })
})

test('a name without a script does not exist, and an answer code is told without records', async () => {
  const question = (name: string) => [{ name, type: 1 }]
  const nobody = { Status: 3, ...flags, Question: question('nobody.example.com'), Authority: [nothing('example.com')] }
  expect(await ask('nobody.example.com', 'A')).toEqual(nobody)
  await script('failing.example.com', { a: ['192.0.2.1'], status: 2 })
  expect(await ask('failing.example.com', 'A')).toEqual({ Status: 2, ...flags, Question: question('failing.example.com') })
})

test('a sequence moves on with each question of a type and stays at its end; questions are counted; DELETE forgets', async () => {
  await script('moving.example.com', { sequence: [{ a: ['192.0.2.1'] }, { a: ['10.0.0.1'] }] })
  const data = async () => JSON.stringify(await ask('moving.example.com', 'A')).match(/"data":"([\d.]+)"/)?.[1]
  await ask('moving.example.com', 'AAAA')
  expect([await data(), await data(), await data()]).toEqual(['192.0.2.1', '10.0.0.1', '10.0.0.1'])
  const path = `${url}/control/names/moving.example.com`
  expect(await (await fetch(path)).json()).toEqual({ asked: { A: 3, AAAA: 1 } })
  await fetch(path, { method: 'DELETE' })
  expect(await ask('moving.example.com', 'A')).toMatchObject({ Status: 3 })
})

test('a reply waits as long as its script says', async () => {
  await script('slow.example.com', { a: ['192.0.2.1'], delayMs: 150 })
  const startedAtMs = performance.now()
  await ask('slow.example.com', 'A')
  expect(performance.now() - startedAtMs).toBeGreaterThan(140)
})

const json = { accept: 'application/dns-json' }
test.each<[status: number, path: string, init: RequestInit]>([
  [405, '/dns-query?name=a.example.com&type=A', { method: 'POST', headers: json }],
  [415, '/dns-query?name=a.example.com&type=A', {}],
  [415, '/dns-query?name=a.example.com&type=A', { headers: { accept: 'application/json' } }],
  [400, '/dns-query?type=A', { headers: json }],
  [400, '/dns-query?name=a.example.com', { headers: json }],
  [400, '/dns-query?name=a.example.com&type=MX', { headers: json }],
  [400, '/dns-query?name=a..example.com&type=A', { headers: json }],
  [400, '/dns-query?name=a.example.com&type=A&type=AAAA', { headers: json }],
  [400, '/dns-query?name=a.example.com&type=A&cd=1', { headers: json }],
  [404, '/resolve?name=a.example.com&type=A', { headers: json }],
  [400, '/control/names/a.example.com', { method: 'PUT', body: '{"a":["256.0.0.1"]}' }],
  [400, '/control/names/a.example.com', { method: 'PUT', body: '{"addresses":[]}' }],
  [405, '/control/names/a.example.com', { method: 'POST', body: '{}' }],
])('refuses with %i: %s %o', async (status, path, init) => {
  expect((await fetch(url + path, init)).status).toBe(status)
})
