import { mkdtempSync, rmSync, statSync } from 'node:fs'
import { createServer, type Server } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createRemoteJWKSet, jwtVerify } from 'jose'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { listenAnywhere } from '../testing/throwaway.ts'
import { type AccessCredentials, loadAccessCredentials } from './credentials.ts'
import { createAccessFront } from './front.ts'

const teamUrl = 'https://team.example'
const directory = mkdtempSync(join(tmpdir(), 'relay-access-'))
const file = join(directory, 'access.json')
/** Stands for the admin Worker: answers with what reached it. */
const admin = createServer(async (request, response) => {
  const chunks: Buffer[] = []
  for await (const chunk of request) chunks.push(chunk)
  response.writeHead(201).end(JSON.stringify({ path: request.url, headers: request.headers, body: Buffer.concat(chunks).toString() }))
})
let credentials: AccessCredentials
let front: Server
let url: string

beforeAll(async () => {
  credentials = await loadAccessCredentials(file)
  const adminPort = Number(new URL(await listenAnywhere(admin)).port)
  front = createAccessFront({ credentials, teamUrl, adminPort })
  url = await listenAnywhere(front)
})

afterAll(() => {
  front.close()
  admin.close()
  rmSync(directory, { recursive: true })
})

function serviceToken(): Record<string, string> {
  const { clientId, clientSecret } = credentials.serviceToken
  return { 'cf-access-client-id': clientId, 'cf-access-client-secret': clientSecret }
}

test('the service token becomes an assertion that the published keys verify', async () => {
  const request = { method: 'POST', body: 'content', headers: { ...serviceToken(), 'cf-access-jwt-assertion': 'forged' } }
  const response = await fetch(`${url}/v1/some?query=1`, request)
  expect(response.status).toBe(201)
  const { path, headers, body } = JSON.parse(await response.text())
  expect({ path, body, id: headers['cf-access-client-id'], secret: headers['cf-access-client-secret'] }).toEqual({
    path: '/v1/some?query=1',
    body: 'content',
  })
  const keys = createRemoteJWKSet(new URL(`${url}/cdn-cgi/access/certs`))
  const { payload } = await jwtVerify(headers['cf-access-jwt-assertion'], keys, { issuer: teamUrl, audience: credentials.audience })
  expect(payload).toMatchObject({ aud: [credentials.audience], type: 'app', common_name: credentials.serviceToken.clientId, sub: '' })
})

test('without the right token nothing reaches the admin Worker', async () => {
  const wrong: Record<string, string>[] = [
    {},
    { ...serviceToken(), 'cf-access-client-secret': 'guessed' },
    { 'cf-access-jwt-assertion': 'forged' },
  ]
  for (const headers of wrong) expect((await fetch(url, { headers })).status).toBe(403)
})

test('the published keys hold no private part', async () => {
  const keys = await (await fetch(`${url}/cdn-cgi/access/certs`)).text()
  expect(keys).toContain(credentials.publicKey.kid)
  for (const part of ['"d"', '"p"', '"q"']) expect(keys).not.toContain(part)
})

test('credentials are made once and only their owner reads them', async () => {
  expect(await loadAccessCredentials(file)).toEqual(credentials)
  expect(statSync(file).mode & 0o777).toBe(0o600)
})
