import { z } from 'zod'
import type { KekProviderName } from '#shared/contracts/sealed-secret.ts'
import { AwsKek } from './aws-kek.ts'
import { decodeBase64, encodeBase64 } from './base64url.ts'
import { KekFailure, type KekProvider, type KeyRing } from './key-ring.ts'
import { LocalKek } from './local-kek.ts'

/**
 * What a Worker's environment says of key encryption keys; README.md tells what each means. All are optional and of any form here: a mistake in
 * them refuses what needs a secret, and not the whole Worker.
 */
export const KekSettings = z.object({
  KMS_PROVIDER: z.string().optional(),
  LOCAL_KEKS: z.string().optional(),
  LOCAL_KEK_ID: z.string().optional(),
  KMS_KEY_ID: z.string().optional(),
  AWS_REGION: z.string().optional(),
  AWS_ACCESS_KEY_ID: z.string().optional(),
  AWS_SECRET_ACCESS_KEY: z.string().optional(),
  KMS_ENDPOINT: z.string().optional(),
})
export type KekSettings = z.infer<typeof KekSettings>

/** Says what is missing or malformed, for the operator, and never a value. Secrets are out of reach until it is mended. */
export class KekMisconfiguration extends KekFailure {
  override name = 'KekMisconfiguration'

  constructor(problems: string[]) {
    super('unavailable', `Secrets cannot be sealed or opened: ${problems.join('; ')}.`)
  }
}

/** The ring of these settings. A provider that is not the chosen one still opens what it has wrapped. Throws a `KekMisconfiguration`. */
export function keyRingOf(settings: KekSettings): KeyRing {
  const { KMS_PROVIDER } = settings
  const problems: string[] = []
  if (!KMS_PROVIDER) problems.push('KMS_PROVIDER is missing (local or aws)')
  else if (KMS_PROVIDER !== 'local' && KMS_PROVIDER !== 'aws') problems.push('KMS_PROVIDER must be local or aws')
  const local = localKekOf(settings, problems)
  const aws = awsKekOf(settings, problems)
  const current = KMS_PROVIDER === 'local' ? local : aws
  if (problems.length > 0 || !current) throw new KekMisconfiguration(problems)
  const providers = new Map<KekProviderName, KekProvider>()
  for (const provider of [local, aws]) if (provider) providers.set(provider.name, provider)
  return { current, providers }
}

/** The ring of one isolate: made when it is first asked for, and asked for again after a misconfiguration. */
export function keyRingWhenAsked(settings: KekSettings): () => KeyRing {
  let ring: KeyRing | undefined
  return () => {
    ring ??= keyRingOf(settings)
    return ring
  }
}

/** Shorter than a key in base64, so that a key written in an id's place is never told as an id. */
const KeyId = z.string().regex(/^[\w.-]{1,32}$/)

function localKekOf({ KMS_PROVIDER, LOCAL_KEKS, LOCAL_KEK_ID }: KekSettings, problems: string[]): LocalKek | undefined {
  if (!LOCAL_KEKS) {
    if (KMS_PROVIDER === 'local') problems.push('LOCAL_KEKS is missing')
    return undefined
  }
  const entries = entriesOf(LOCAL_KEKS)
  if (!entries) {
    problems.push('LOCAL_KEKS must be a JSON object: key id -> base64 of 32 bytes')
    return undefined
  }
  const keys = new Map<string, Uint8Array<ArrayBuffer>>()
  for (const [keyId, text] of entries) {
    const key = typeof text === 'string' ? decodeBase64(text) : null
    if (!KeyId.safeParse(keyId).success) problems.push('LOCAL_KEKS has a key id that is not 1 to 32 letters, digits and any of _ . -')
    else if (key?.length !== 32 || encodeBase64(key) !== text) problems.push(`LOCAL_KEKS: the key ${keyId} is not base64 of 32 bytes`)
    else keys.set(keyId, key)
  }
  const [onlyId, secondId] = [...keys.keys()]
  if (!LOCAL_KEK_ID && secondId !== undefined && KMS_PROVIDER === 'local')
    problems.push('LOCAL_KEK_ID is missing: there are several LOCAL_KEKS')
  const currentId = LOCAL_KEK_ID || onlyId
  if (currentId !== undefined && keys.has(currentId)) return new LocalKek(keys, currentId)
  if (keys.size === entries.length) problems.push('LOCAL_KEK_ID names none of the LOCAL_KEKS')
  return undefined
}

function entriesOf(text: string): [string, unknown][] | null {
  try {
    const entries = Object.entries(z.record(z.string(), z.unknown()).parse(JSON.parse(text)))
    return entries.length > 0 ? entries : null
  } catch {
    return null
  }
}

const awsNames = ['KMS_KEY_ID', 'AWS_REGION', 'AWS_ACCESS_KEY_ID', 'AWS_SECRET_ACCESS_KEY'] as const

function awsKekOf(settings: KekSettings, problems: string[]): AwsKek | undefined {
  const missing = awsNames.filter((name) => !settings[name])
  if (missing.length > 0) {
    if (settings.KMS_PROVIDER === 'aws') problems.push(...missing.map((name) => `${name} is missing`))
    return undefined
  }
  const { KMS_KEY_ID = '', AWS_REGION = '', AWS_ACCESS_KEY_ID = '', AWS_SECRET_ACCESS_KEY = '' } = settings
  const wrong = [
    ...(/^(arn:[\w:-]+:key\/)?[\w-]+$/.test(KMS_KEY_ID)
      ? []
      : ['KMS_KEY_ID must be the id or ARN of a key; an alias may come to mean another']),
    ...(/^[a-z]{2}(-[a-z]+)+-\d+$/.test(AWS_REGION) ? [] : ['AWS_REGION is not a region such as eu-central-1']),
    ...(settings.KMS_ENDPOINT && !URL.canParse(settings.KMS_ENDPOINT) ? ['KMS_ENDPOINT is not a URL'] : []),
  ]
  problems.push(...wrong)
  if (wrong.length > 0) return undefined
  return new AwsKek({
    keyId: KMS_KEY_ID,
    region: AWS_REGION,
    accessKeyId: AWS_ACCESS_KEY_ID,
    secretAccessKey: AWS_SECRET_ACCESS_KEY,
    endpoint: settings.KMS_ENDPOINT || `https://kms.${AWS_REGION}.amazonaws.com/`,
  })
}
