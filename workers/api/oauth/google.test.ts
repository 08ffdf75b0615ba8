import { createServer, type Server } from 'node:http'
import { exportJWK, generateKeyPair, type JWTPayload, SignJWT } from 'jose'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { listenAnywhere } from '#workers/dev/testing/throwaway.ts'
import { googleProvider } from './google.ts'
import { ProviderFailure } from './provider.ts'

const flow = { provider: 'google', state: 's', verifier: 'v', nonce: 'nonce', returnTo: '/', linkTo: null } as const
const kid = 'k'

let server: Server
let url: string
let idToken = ''
const { publicKey, privateKey } = await generateKeyPair('RS256')
const { privateKey: strangeKey } = await generateKeyPair('RS256')

beforeAll(async () => {
  const jwk = { ...(await exportJWK(publicKey)), kid, alg: 'RS256', use: 'sig' }
  server = createServer((request, response) => {
    const answers: Record<string, object> = {
      '/.well-known/openid-configuration': {
        issuer: url,
        authorization_endpoint: `${url}/a`,
        token_endpoint: `${url}/t`,
        jwks_uri: `${url}/k`,
      },
      '/k': { keys: [jwk] },
      '/t': { access_token: 'x', id_token: idToken },
    }
    response.setHeader('content-type', 'application/json')
    response.end(JSON.stringify(answers[request.url ?? ''] ?? {}))
  })
  url = await listenAnywhere(server)
})
afterAll(() => void server.close())

const rightClaims = () => ({ iss: url, aud: 'client', sub: '1', nonce: 'nonce', email: 'Ada@Gmail.com', email_verified: true, name: 'Ada' })

async function readWith(claims: JWTPayload, { key = privateKey, expires = '1h' } = {}) {
  idToken = await new SignJWT(claims).setProtectedHeader({ alg: 'RS256', kid }).setIssuedAt().setExpirationTime(expires).sign(key)
  return read()
}

function read() {
  return googleProvider({ clientId: 'client', clientSecret: 'secret', url }, 'https://portal.test/cb').readIdentity(flow, 'code')
}

test('an ID token tells who came, and which address Google vouches for', async () => {
  const ada = { subject: '1', email: 'ada@gmail.com', mayLinkByEmail: true, name: 'Ada' }
  expect(await readWith(rightClaims())).toEqual(ada)
  expect(await readWith({ ...rightClaims(), azp: 'client' })).toEqual(ada)
  expect(await readWith({ ...rightClaims(), email: 'ada@corp.example', hd: 'corp.example' })).toMatchObject({ mayLinkByEmail: true })
  expect(await readWith({ ...rightClaims(), email: 'ada@mail.example' })).toMatchObject({ mayLinkByEmail: false })
  expect(await readWith({ ...rightClaims(), email_verified: false })).toMatchObject({ email: null, mayLinkByEmail: false })
  expect(await readWith({ ...rightClaims(), email: 'no address' })).toMatchObject({ email: null, mayLinkByEmail: false })
  expect(await readWith({ ...rightClaims(), name: '\u202e' })).toMatchObject({ name: 'ada' })
})

test('an ID token of another sign-in, application or issuer is refused, and so is one that Google did not sign or whose time is over', async () => {
  const wrong = [
    { nonce: 'another' },
    { nonce: undefined },
    { aud: 'another' },
    { azp: 'another' },
    { iss: 'https://evil.example' },
    { sub: '' },
    { email_verified: 'true' },
  ]
  for (const claims of wrong) await expect(readWith({ ...rightClaims(), ...claims })).rejects.toThrow(ProviderFailure)
  await expect(readWith(rightClaims(), { key: strangeKey })).rejects.toThrow(ProviderFailure)
  await expect(readWith(rightClaims(), { expires: '-1m' })).rejects.toThrow(ProviderFailure)
  const encode = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url')
  idToken = `${encode({ alg: 'none' })}.${encode({ ...rightClaims(), exp: 99_999_999_999, iat: 1 })}.`
  await expect(read()).rejects.toThrow(ProviderFailure)
})

test('a discovery document of another issuer is refused', async () => {
  const other = googleProvider(
    { clientId: 'client', clientSecret: 'secret', url: url.replace('127.0.0.1', 'localhost') },
    'https://portal.test/cb',
  )
  await expect(other.authorizationUrl(flow)).rejects.toThrow(ProviderFailure)
})
