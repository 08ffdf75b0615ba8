import { randomBytes } from 'node:crypto'
import { existsSync, readFileSync } from 'node:fs'
import { z } from 'zod'
import { replaceFile } from '../replace-file.ts'
import { KmsRefusal } from './refusal.ts'
import { kmsAccount, kmsKeys, kmsRegion, type WellKnownKey } from './well-known.ts'

export const keyStates = ['Enabled', 'Disabled', 'PendingDeletion'] as const
export type KeyState = (typeof keyStates)[number]

export type KmsKey = WellKnownKey & { material: Buffer; createdAtMs: number; state: KeyState }

const KeptKeys = z.object({ createdAtMs: z.number(), materials: z.record(z.string(), z.base64()) })

/** The keys of the peer. Material is made once and kept in `stateFile`; states are a test's doing and last as long as the process. */
export class Keys {
  readonly #keys: readonly KmsKey[]

  constructor(stateFile: string) {
    if (!existsSync(stateFile)) replaceFile(stateFile, JSON.stringify(createMaterials()))
    const kept = KeptKeys.parse(JSON.parse(readFileSync(stateFile, 'utf8')))
    this.#keys = Object.values(kmsKeys).map((key) => {
      const material = Buffer.from(kept.materials[key.id] ?? '', 'base64')
      if (material.length !== 32) throw new Error(`${stateFile} holds no material of the key ${key.id}`)
      return { ...key, material, createdAtMs: kept.createdAtMs, state: 'Enabled' }
    })
  }

  /** The key that a caller means by a key id, a key's ARN, an alias or an alias' ARN; `action` is what the caller wants to do with it. */
  resolve(keyId: string, action: string): KmsKey {
    const local = keyId.startsWith('arn:') ? localName(keyId, action) : keyId
    const key = this.#keys.find(({ id, alias }) => local === id || local === alias)
    if (key) return key
    const arn = `arn:aws:kms:${kmsRegion}:${kmsAccount}`
    if (local.startsWith('alias/')) throw new KmsRefusal('NotFoundException', `Alias ${arn}:${local} is not found.`)
    const isWellFormed = /^[\da-f]{8}(-[\da-f]{4}){3}-[\da-f]{12}$/i.test(local)
    throw new KmsRefusal('NotFoundException', isWellFormed ? `Key '${arn}:key/${local}' does not exist` : `Invalid keyId '${local}'`)
  }

  /** The key that made a ciphertext; `undefined` when it is none of ours. */
  find(id: string): KmsKey | undefined {
    return this.#keys.find((key) => key.id === id)
  }

  setState(keyId: string, state: KeyState): void {
    this.resolve(keyId, 'SetState').state = state
  }

  enableAll(): void {
    for (const key of this.#keys) key.state = 'Enabled'
  }
}

/** Throws unless the key may be used for cryptography now. */
export function requireUsable({ arn, state }: KmsKey): void {
  if (state === 'Disabled') throw new KmsRefusal('DisabledException', `${arn} is disabled.`)
  if (state === 'PendingDeletion') throw new KmsRefusal('KMSInvalidStateException', `${arn} is pending deletion.`)
}

/** What follows the account in an ARN of this region and account. */
function localName(arn: string, action: string): string {
  const [, , service, region, account, name = ''] = arn.split(':')
  if (service !== 'kms' || region !== kmsRegion) throw new KmsRefusal('NotFoundException', `Invalid arn ${region}`)
  if (account !== kmsAccount) {
    const user = `arn:aws:iam::${kmsAccount}:user/relay`
    const message = `User: ${user} is not authorized to perform: kms:${action} on resource: ${arn} because no resource-based policy allows it`
    throw new KmsRefusal('AccessDeniedException', message)
  }
  if (!/^(key|alias)\/./.test(name)) throw new KmsRefusal('NotFoundException', `Invalid arn ${arn}`)
  return name.replace(/^key\//, '')
}

function createMaterials(): z.input<typeof KeptKeys> {
  const materials = Object.values(kmsKeys).map(({ id }) => [id, randomBytes(32).toString('base64')] as const)
  return { createdAtMs: Date.now(), materials: Object.fromEntries(materials) }
}
