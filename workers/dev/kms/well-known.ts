/** A key of the scripted KMS. Its material is not here: the peer makes it once and keeps it in its state file. */
export type WellKnownKey = { id: string; arn: string; alias: string }

/** What signs a call. A temporary credential is one with a session token. */
export type KmsCredential = { accessKeyId: string; secretAccessKey: string; sessionToken?: string }

export const kmsRegion = 'us-east-1'
export const kmsAccount = '111122223333'

/** The key that a stack seals with at first, and the one a rotation moves to. */
export const kmsKeys = {
  first: wellKnownKey('6f3a1c52-0b7e-4d19-9a64-2f5d8c1e7b01', 'alias/relay-first'),
  second: wellKnownKey('b84d27e9-53c6-4f80-8e1d-7a9b3c60d402', 'alias/relay-second'),
} as const satisfies Record<string, WellKnownKey>

/** Made-up credentials, so they may stand here: one that lasts, and one that AWS' token service would have given for an hour. */
export const kmsCredentials = {
  lasting: { accessKeyId: 'AKIASCRIPTEDRELAY001', secretAccessKey: 'scripted/kms+secret/of/the/lasting+key01' },
  temporary: {
    accessKeyId: 'ASIASCRIPTEDRELAY002',
    secretAccessKey: 'scripted/kms+secret/of/a/passing+key0002',
    sessionToken: 'scripted-session-token',
  },
} as const satisfies Record<string, KmsCredential>

function wellKnownKey(id: string, alias: string): WellKnownKey {
  return { id, arn: `arn:aws:kms:${kmsRegion}:${kmsAccount}:key/${id}`, alias }
}
