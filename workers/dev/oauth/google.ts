import { createHash } from 'node:crypto'
import { decodeJwt, exportJWK, generateKeyPair, SignJWT } from 'jose'
import type { Dialect } from './front.ts'
import type { Somebody } from './people.ts'

/** Google: the emulator gives everybody another id each time it starts, so the front signs ID tokens with ids that stay. */
export async function googleDialect(): Promise<Dialect> {
  const { publicKey, privateKey } = await generateKeyPair('RS256')
  const header = { alg: 'RS256', kid: 'stand-in', typ: 'JWT' }
  const keys = [{ ...(await exportJWK(publicKey)), kid: header.kid, alg: header.alg, use: 'sig' }]
  return {
    paths: { authorize: '/o/oauth2/v2/auth', approve: '/o/oauth2/v2/auth/callback', token: '/oauth2/token' },
    refusal: () => ({ status: 400, body: { error: 'invalid_grant', error_description: 'Refused by the stand-in.' } }),
    async amend(path, answer) {
      if (path === '/oauth2/v3/certs') return Response.json({ keys })
      if (path !== '/oauth2/token' || !answer.ok) return answer
      const tokens: { id_token: string } = JSON.parse(await answer.text())
      const claims = decodeJwt(tokens.id_token)
      const sub = BigInt(`0x${createHash('sha256').update(String(claims.email)).digest('hex').slice(0, 16)}`).toString()
      return Response.json({ ...tokens, id_token: await new SignJWT({ ...claims, sub }).setProtectedHeader(header).sign(privateKey) })
    },
  }
}

/** What the emulator has to know. */
export function googleSeed(people: Somebody[], application: { clientId: string; clientSecret: string }, redirectUri: string) {
  const { clientId: client_id, clientSecret: client_secret } = application
  // An empty domain is none; the emulator would else take that of the address for one that Google manages.
  const users = people.map(({ name, email, verified = true, managed = false }) => {
    return { email, name, email_verified: verified, hd: managed ? (email.split('@')[1] ?? '') : '' }
  })
  return { google: { users, oauth_clients: [{ client_id, client_secret, name: 'Rocket Relay', redirect_uris: [redirectUri] }] } }
}
