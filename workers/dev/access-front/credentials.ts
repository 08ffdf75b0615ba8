import { randomBytes } from 'node:crypto'
import { existsSync, readFileSync } from 'node:fs'
import { type CryptoKey, exportJWK, exportPKCS8, generateKeyPair, importPKCS8, type JWK } from 'jose'
import { replaceFile } from '../replace-file.ts'

export type ServiceToken = { clientId: string; clientSecret: string }
/** What stands in for a Cloudflare Access application: its audience, one service token, one signing key. */
export type AccessCredentials = { audience: string; serviceToken: ServiceToken; privateKeyPem: string; publicKey: JWK & { kid: string } }

/** The credentials in `file`, made on the first call and kept: a restarted stack accepts the operator's old token. */
export async function loadAccessCredentials(file: string): Promise<AccessCredentials> {
  if (!existsSync(file)) replaceFile(file, JSON.stringify(await createCredentials(), null, 2))
  // Only createCredentials writes this file, and it is replaced in one step.
  return JSON.parse(readFileSync(file, 'utf8')) as AccessCredentials
}

export function importSigningKey(credentials: AccessCredentials): Promise<CryptoKey> {
  return importPKCS8(credentials.privateKeyPem, 'RS256')
}

async function createCredentials(): Promise<AccessCredentials> {
  const { privateKey, publicKey } = await generateKeyPair('RS256', { extractable: true })
  const kid = randomBytes(16).toString('hex')
  return {
    audience: randomBytes(32).toString('hex'),
    serviceToken: { clientId: `${randomBytes(16).toString('hex')}.access`, clientSecret: randomBytes(32).toString('hex') },
    privateKeyPem: await exportPKCS8(privateKey),
    publicKey: { ...(await exportJWK(publicKey)), kid, alg: 'RS256', use: 'sig' },
  }
}
