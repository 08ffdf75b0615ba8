import { type FaultInFile, faultsIn } from '../fault.ts'

const sealing = ['workers/services/secrets/seal.test.ts']
const wrapping = ['workers/services/secrets/aws-kek.test.ts']
const remembering = ['workers/services/secrets/opened-secrets.test.ts']
const rotating = ['workers/services/secrets/rotate.test.ts']
const judging = ['workers/services/targets/resolve-target.test.ts']

const binding = 'organizationId, table, row, purpose, version, ...more]'
const context = 'table, row, purpose, version: String(version) }'
const known = 'place.organizationId, place.table, place.row, place.purpose, version, kek, kekId, wrappedDek, sealed]'

/** What customers' secrets are bound to, for how long they are in clear, and where they may be sent. None of it is money of ours. */
export const secrets = [
  ...faultsIn('workers/services/secrets/cipher.ts', sealing, [
    without('a secret opens for its customer alone', binding, 'organizationId, '),
    without('a secret opens in its table alone', binding, 'table, '),
    without('a secret opens in its row alone', binding, 'row, '),
    without('a secret opens for its purpose alone', binding, 'purpose, '),
    without('a secret opens in its version alone', binding, 'version, '),
    without('a key opens under the id alone that it was wrapped by', binding, ', ...more'),
    {
      promise: 'every secret has a nonce of its own',
      find: 'crypto.getRandomValues(new Uint8Array(nonceBytes))',
      replace: 'new Uint8Array(nonceBytes)',
      money: false,
    },
  ]),
  ...faultsIn('workers/services/secrets/seal.ts', sealing, [
    {
      promise: 'a secret is sealed in its own version',
      find: 'const context = { ...place, version }',
      replace: 'const context = { ...place, version: 1 }',
      money: false,
    },
  ]),
  ...faultsIn('workers/services/secrets/open.ts', sealing, [
    {
      promise: 'a secret is opened in the version it claims',
      find: 'const context = { ...place, version }',
      replace: 'const context = { ...place, version: 1 }',
      money: false,
    },
  ]),
  ...faultsIn('workers/services/secrets/local-kek.ts', sealing, [
    { promise: 'a key of earlier days opens what it wrapped', find: 'this.#keys.get(kekId)', replace: 'this.#currentKey', money: false },
  ]),
  ...faultsIn('workers/services/secrets/aws-kek.ts', wrapping, [
    {
      promise: 'KMS opens by the key alone that wrapped',
      find: '{ KeyId: kekId, CiphertextBlob',
      replace: '{ CiphertextBlob',
      money: false,
    },
    { promise: 'KMS rewraps from the key alone that wrapped', find: '      SourceKeyId: kekId,\n', replace: '', money: false },
    without('KMS is told the row', context, 'row, '),
    without('KMS is told the purpose', context, 'purpose, '),
    without('KMS is told the version', context, ', version: String(version)'),
    { promise: 'KMS is told the customer', find: "customer: organizationId ?? 'platform'", replace: "customer: 'platform'", money: false },
  ]),
  ...faultsIn('workers/services/secrets/opened-secrets.ts', remembering, [
    without('an opened secret is known to its customer alone', known, 'place.organizationId, '),
    without('an opened secret is known in its row alone', known, 'place.row, '),
    without('an opened secret is known in its version alone', known, 'version, '),
    without('an opened secret that was sealed anew is not known', known, ', sealed'),
    { promise: 'a secret is in clear for minutes', find: 'const keptMs = 5 * 60_000', replace: 'const keptMs = 50 * 60_000', money: false },
  ]),
  ...faultsIn('workers/services/secrets/rotate.ts', rotating, [
    {
      promise: 'a secret that is sealed anew keeps its version',
      find: 'openSecret(ring, place, secret), version)',
      replace: 'openSecret(ring, place, secret))',
      money: false,
    },
    {
      promise: 'a rotation begins each page behind the last',
      find: 'after: after === undefined ? null : placeOf(after), limit',
      replace: 'after: null, limit',
      money: false,
    },
  ]),
  ...faultsIn('db/queries/save-rewrapped-secret.ts', rotating, [
    { promise: 'a rotation overwrites no replaced secret', find: ' and wrapped_dek = ${was.wrappedDek}', replace: '', money: false },
  ]),
  ...faultsIn('workers/services/targets/judge-target.ts', judging, [
    {
      promise: 'an address that leads inward is refused',
      find: "if (resolution === 'public')",
      replace: "if (resolution !== 'unknown')",
      money: false,
    },
    {
      promise: 'an address that nobody could resolve is not taken',
      find: "return { outcome: 'unknown' }",
      replace: "return { outcome: 'ok' }",
      money: false,
    },
  ]),
]

/** The list without one of its parts. */
function without(promise: string, list: string, part: string): FaultInFile {
  return { promise, find: list, replace: list.replace(part, ''), money: false }
}
