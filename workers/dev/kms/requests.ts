import { z } from 'zod'
import type { EncryptionContext } from './encryption-context.ts'
import { KmsRefusal } from './refusal.ts'

const keyId = z.string().min(1).max(2_048)
/** At most 6,144 bytes once decoded. */
const blob = z.base64().min(1).max(8_192)
const algorithm = z.literal('SYMMETRIC_DEFAULT').nullish()
/** Taken as it is, because an object that zod builds has no room for a name such as `__proto__`. */
const context = z.custom<EncryptionContext>(isContext).nullish()

export const GenerateDataKeyRequest = z.object({
  KeyId: keyId,
  KeySpec: z.enum(['AES_256', 'AES_128']).nullish(),
  NumberOfBytes: z.int().min(1).max(1_024).nullish(),
  EncryptionContext: context,
})

export const DecryptRequest = z.object({
  CiphertextBlob: blob,
  KeyId: keyId.nullish(),
  EncryptionContext: context,
  EncryptionAlgorithm: algorithm,
})

export const ReEncryptRequest = z.object({
  CiphertextBlob: blob,
  SourceKeyId: keyId.nullish(),
  SourceEncryptionContext: context,
  SourceEncryptionAlgorithm: algorithm,
  DestinationKeyId: keyId,
  DestinationEncryptionContext: context,
  DestinationEncryptionAlgorithm: algorithm,
})

export const DescribeKeyRequest = z.object({ KeyId: keyId })

/** KMS has these and this peer does not; to ignore them would be to answer another question. */
const unplayedMembers = ['GrantTokens', 'Recipient', 'DryRun']

/** Throws as KMS does: what is of a wrong type cannot be read, what is absent or out of its bounds is not valid. Unknown members pass. */
export function readRequest<Schema extends z.ZodType>(schema: Schema, body: unknown): z.output<Schema> {
  const parsed = schema.safeParse(body, { reportInput: true })
  if (!parsed.success) throw refusalOf(parsed.error.issues[0])
  const unplayed = Object.entries(Object(body)).find(([name, value]) => unplayedMembers.includes(name) && value !== null)
  if (unplayed) throw new KmsRefusal('UnsupportedOperationException', `The scripted KMS does not play ${unplayed[0]}.`)
  return parsed.data
}

export function isContext(value: unknown): value is EncryptionContext {
  return (
    typeof value === 'object' && value !== null && !Array.isArray(value) && Object.values(value).every((each) => typeof each === 'string')
  )
}

function refusalOf(issue: z.core.$ZodIssue | undefined): KmsRefusal {
  const [member] = issue?.path ?? []
  if (!issue || member === undefined) return new KmsRefusal('SerializationException')
  const name = String(member)
  const place = `at '${name.charAt(0).toLowerCase()}${name.slice(1)}' failed to satisfy constraint`
  const isAbsent = issue.input === undefined || issue.input === null
  if (isAbsent) return new KmsRefusal('ValidationException', `1 validation error detected: Value null ${place}: Member must not be null`)
  if (!['too_small', 'too_big', 'invalid_value'].includes(issue.code)) return new KmsRefusal('SerializationException')
  return new KmsRefusal('ValidationException', `1 validation error detected: Value ${place}: ${issue.message}`)
}
