import { describe, expect, test } from 'vitest'
import { KekMisconfiguration, type KekSettings, keyRingOf, keyRingWhenAsked } from './settings.ts'

const key = btoa('k'.repeat(32))
const local: KekSettings = { KMS_PROVIDER: 'local', LOCAL_KEKS: JSON.stringify({ a: key, b: key }), LOCAL_KEK_ID: 'b' }
const awsKeys = {
  KMS_KEY_ID: 'mrk-1234',
  AWS_REGION: 'eu-central-1',
  AWS_ACCESS_KEY_ID: 'AKIDHIDDEN',
  AWS_SECRET_ACCESS_KEY: 'hidden-secret',
}
const aws: KekSettings = { KMS_PROVIDER: 'aws', ...awsKeys }

const messageOf = (settings: KekSettings): string => {
  try {
    keyRingOf(settings)
  } catch (error) {
    if (error instanceof KekMisconfiguration) return error.message
    throw error
  }
  return 'nothing is wrong'
}

test.each<[string, KekSettings, { current: [string, string]; providers: string[] }]>([
  ['local keys', local, { current: ['local', 'b'], providers: ['local'] }],
  [
    'one local key, which needs no choice',
    { ...local, LOCAL_KEKS: `{"a":"${key}"}`, LOCAL_KEK_ID: '' },
    { current: ['local', 'a'], providers: ['local'] },
  ],
  ['AWS', aws, { current: ['aws', 'mrk-1234'], providers: ['aws'] }],
  [
    'AWS by the ARN of a key',
    { ...aws, KMS_KEY_ID: 'arn:aws:kms:eu-central-1:111122223333:key/1234abcd-12ab' },
    { current: ['aws', 'arn:aws:kms:eu-central-1:111122223333:key/1234abcd-12ab'], providers: ['aws'] },
  ],
  ['AWS, with local keys to open by', { ...local, ...aws }, { current: ['aws', 'mrk-1234'], providers: ['local', 'aws'] }],
  [
    'AWS, with several local keys of which none is current',
    { ...local, LOCAL_KEK_ID: '', ...aws },
    { current: ['aws', 'mrk-1234'], providers: ['local', 'aws'] },
  ],
  ['local keys, with AWS to open by', { ...aws, ...local }, { current: ['local', 'b'], providers: ['local', 'aws'] }],
  ['local keys, with half of AWS', { ...local, KMS_KEY_ID: 'mrk-1234' }, { current: ['local', 'b'], providers: ['local'] }],
])('a ring of %s', (_, settings, expected) => {
  const { current, providers } = keyRingOf(settings)
  expect({ current: [current.name, current.currentKeyId], providers: [...providers.keys()] }).toEqual(expected)
  expect(providers.get(current.name)).toBe(current)
})

describe('what is missing or malformed is named, and its value is not', () => {
  const prefix = 'Secrets cannot be sealed or opened: '
  const malformed = 'LOCAL_KEKS must be a JSON object: key id -> base64 of 32 bytes'
  test.each<[KekSettings, string]>([
    [{}, 'KMS_PROVIDER is missing (local or aws)'],
    [{ ...local, KMS_PROVIDER: 'hidden' }, 'KMS_PROVIDER must be local or aws'],
    [{ KMS_PROVIDER: 'local' }, 'LOCAL_KEKS is missing'],
    [{ ...local, LOCAL_KEKS: 'hidden' }, malformed],
    [{ ...local, LOCAL_KEKS: '["hidden"]' }, malformed],
    [{ ...local, LOCAL_KEKS: '{}' }, malformed],
    [{ ...local, LOCAL_KEKS: '{"b":"aGlkZGVu"}' }, 'LOCAL_KEKS: the key b is not base64 of 32 bytes'],
    [{ ...local, LOCAL_KEKS: '{"b":7}' }, 'LOCAL_KEKS: the key b is not base64 of 32 bytes'],
    [{ ...local, LOCAL_KEKS: `{"b":" ${key}"}` }, 'LOCAL_KEKS: the key b is not base64 of 32 bytes'],
    [{ ...local, LOCAL_KEKS: `{"${key}":"b"}` }, 'LOCAL_KEKS has a key id that is not 1 to 32 letters, digits and any of _ . -'],
    [{ ...local, LOCAL_KEK_ID: 'hidden' }, 'LOCAL_KEK_ID names none of the LOCAL_KEKS'],
    [{ ...local, LOCAL_KEK_ID: '' }, 'LOCAL_KEK_ID is missing: there are several LOCAL_KEKS'],
    [{ ...aws, LOCAL_KEKS: 'hidden' }, malformed],
    [{ ...aws, KMS_KEY_ID: '', AWS_REGION: '' }, 'KMS_KEY_ID is missing; AWS_REGION is missing'],
    [
      { KMS_PROVIDER: 'aws', ...awsKeys, AWS_ACCESS_KEY_ID: '', AWS_SECRET_ACCESS_KEY: '' },
      'AWS_ACCESS_KEY_ID is missing; AWS_SECRET_ACCESS_KEY is missing',
    ],
    [{ ...aws, KMS_KEY_ID: 'alias/hidden' }, 'KMS_KEY_ID must be the id or ARN of a key; an alias may come to mean another'],
    [
      { ...aws, KMS_KEY_ID: 'arn:aws:kms:eu-central-1:1:alias/hidden' },
      'KMS_KEY_ID must be the id or ARN of a key; an alias may come to mean another',
    ],
    [{ ...aws, AWS_REGION: 'hidden.example/' }, 'AWS_REGION is not a region such as eu-central-1'],
    [{ ...aws, KMS_ENDPOINT: 'hidden' }, 'KMS_ENDPOINT is not a URL'],
  ])('case %#', (settings, told) => {
    expect(messageOf(settings)).toBe(`${prefix}${told}.`)
  })
})

test('a misconfiguration is one that an operator mends, and a ring is made once', () => {
  expect(new KekMisconfiguration([]).reason).toBe('unavailable')
  const asked = keyRingWhenAsked(local)
  expect(asked()).toBe(asked())
})
