import { generateApiKey, hashApiKey, redactApiKey } from '#shared/values/api-key.ts'
import { newId } from '#shared/values/id.ts'

/** A new key in its three forms: `apiKey` is shown once and forgotten, the other two are stored. */
export async function mintKey(): Promise<{ keyId: string; apiKey: string; keyHash: string; redacted: string }> {
  const apiKey = generateApiKey()
  return { keyId: newId('key'), apiKey, keyHash: await hashApiKey(apiKey), redacted: redactApiKey(apiKey) }
}
