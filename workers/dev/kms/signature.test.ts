import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { callKms, type Headers, type KmsAnswer, sendCall, signCall, startTestKms, type TestKms } from './test-client.ts'
import { kmsCredentials, kmsKeys } from './well-known.ts'

const nowMs = Date.UTC(2026, 10, 24, 12, 0, 0)
const body = { KeyId: kmsKeys.first.id }
let kms: TestKms

beforeAll(async () => {
  kms = await startTestKms({ now: () => nowMs })
})
afterAll(() => kms?.end())

const amzDateOf = (timeMs: number) => new Date(timeMs).toISOString().replaceAll(/[-:]|\.\d{3}/g, '')
const signedNow = () => signCall(kms.url, 'DescribeKey', body, { amzDate: amzDateOf(nowMs) })

function expectRefusal(answer: KmsAnswer, type: string, message: RegExp): void {
  expect(answer.body).toEqual({ __type: type, message: expect.stringMatching(message) })
  expect(answer.status).toBe(400)
  expect(answer.requestId).toMatch(/^[\da-f-]{36}$/)
}

test('what aws4fetch signs is taken, with a lasting and with a temporary credential', async () => {
  for (const credential of Object.values(kmsCredentials)) {
    expect(await callKms(kms.url, 'DescribeKey', body, { credential, amzDate: amzDateOf(nowMs) })).toMatchObject({ status: 200 })
  }
})

test.each([
  { offsetMs: -300_000, type: undefined },
  { offsetMs: 300_000, type: undefined },
  { offsetMs: -301_000, type: /^Signature expired: 20261124T115459Z is now earlier than 20261124T115500Z \(20261124T120000Z - 5 min\.\)$/ },
  {
    offsetMs: 301_000,
    type: /^Signature not yet current: 20261124T120501Z is still later than 20261124T120500Z \(20261124T120000Z \+ 5 min\.\)$/,
  },
  { offsetMs: -86_400_000, type: /^Signature expired/ },
])('a clock that is $offsetMs ms off is taken up to five minutes and no further', async ({ offsetMs, type }) => {
  const answer = await callKms(kms.url, 'DescribeKey', body, { amzDate: amzDateOf(nowMs + offsetMs) })
  if (type) expectRefusal(answer, 'InvalidSignatureException', type)
  else expect(answer.status).toBe(200)
})

const { lasting, temporary } = kmsCredentials
const withoutToken = { accessKeyId: temporary.accessKeyId, secretAccessKey: temporary.secretAccessKey }
test.each([
  { case: 'an unknown access key', credential: { ...lasting, accessKeyId: 'AKIANOBODYKNOWSTHIS1' }, type: 'UnrecognizedClientException' },
  { case: 'a temporary credential without its token', credential: withoutToken, type: 'UnrecognizedClientException' },
  {
    case: 'a temporary credential with another token',
    credential: { ...temporary, sessionToken: 'x' },
    type: 'UnrecognizedClientException',
  },
  { case: 'a token with a lasting credential', credential: { ...lasting, sessionToken: 'x' }, type: 'UnrecognizedClientException' },
  { case: 'another secret', credential: { ...lasting, secretAccessKey: temporary.secretAccessKey }, type: 'InvalidSignatureException' },
  { case: 'another region', region: 'eu-central-1', type: 'InvalidSignatureException' },
  { case: 'another service', service: 'sts', type: 'InvalidSignatureException' },
])('$case is refused', async ({ credential, region, service, type }) => {
  const signing = { ...(credential ? { credential } : {}), ...(region ? { region } : {}), ...(service ? { service } : {}) }
  const answer = await callKms(kms.url, 'DescribeKey', body, { ...signing, amzDate: amzDateOf(nowMs) })
  expectRefusal(answer, type, /./)
})

const changeAuthorization = (from: string | RegExp, to: string) => (headers: Headers) => ({
  ...headers,
  authorization: String(headers.authorization).replace(from, to),
})
const without = (name: string) => (headers: Headers) => Object.fromEntries(Object.entries(headers).filter(([each]) => each !== name))

type Tampering = { case: string; change: (headers: Headers) => Record<string, string | string[]>; type: string; message: RegExp }
const tamperings: Tampering[] = [
  { case: 'no Authorization', change: without('authorization'), type: 'MissingAuthenticationTokenException', message: /./ },
  {
    case: 'another scheme',
    change: (h) => ({ ...h, authorization: 'Bearer x' }),
    type: 'MissingAuthenticationTokenException',
    message: /./,
  },
  { case: 'no date', change: without('x-amz-date'), type: 'IncompleteSignatureException', message: /existence of either/ },
  ...['24 Nov 2026', '20261131T120000Z', '2026-11-24T12:00:00Z', '20261124T120000'].map((date) => ({
    case: `the date ${date}`,
    change: (h: Headers) => ({ ...h, 'x-amz-date': date }),
    type: 'IncompleteSignatureException',
    message: /ISO-8601 'basic format'/,
  })),
  ...['Credential', 'SignedHeaders', 'Signature'].map((name) => ({
    case: `no ${name}`,
    change: changeAuthorization(`${name}=`, 'Other='),
    type: 'IncompleteSignatureException',
    message: new RegExp(`requires '${name}' parameter`),
  })),
  {
    case: 'a parameter with no value',
    change: changeAuthorization(', Sig', ', x, Sig'),
    type: 'IncompleteSignatureException',
    message: /missing equal-sign/,
  },
  {
    case: 'another algorithm',
    change: changeAuthorization('SHA256', 'SHA512'),
    type: 'IncompleteSignatureException',
    message: /Unsupported/,
  },
  { case: 'a scope of four', change: changeAuthorization('/kms/', '/'), type: 'IncompleteSignatureException', message: /exactly 5/ },
  {
    case: 'another terminator',
    change: changeAuthorization('aws4_request', 'aws3_request'),
    type: 'InvalidSignatureException',
    message: /terminator/,
  },
  {
    case: 'the date of another day in the scope',
    change: changeAuthorization('/20261124/', '/20261123/'),
    type: 'InvalidSignatureException',
    message: /Date in Credential scope/,
  },
  {
    case: 'a host that is not signed',
    change: changeAuthorization('host;', ''),
    type: 'InvalidSignatureException',
    message: /must be a 'SignedHeader'/,
  },
  {
    case: 'a date that is not signed',
    change: changeAuthorization(';x-amz-date', ''),
    type: 'InvalidSignatureException',
    message: /not signed: x-amz-date/,
  },
  {
    case: 'a target that is not signed',
    change: changeAuthorization(';x-amz-target', ''),
    type: 'InvalidSignatureException',
    message: /not signed: x-amz-target/,
  },
  {
    case: 'an x-amz- header put in on the way',
    change: (h) => ({ ...h, 'x-amz-meta': '1' }),
    type: 'InvalidSignatureException',
    message: /not signed: x-amz-meta/,
  },
  {
    case: 'another host',
    change: (h) => ({ ...h, host: 'kms.us-east-1.amazonaws.com' }),
    type: 'InvalidSignatureException',
    message: /does not match/,
  },
  {
    case: 'another date within the five minutes',
    change: (h) => ({ ...h, 'x-amz-date': amzDateOf(nowMs + 1_000) }),
    type: 'InvalidSignatureException',
    message: /does not match/,
  },
  {
    case: 'another operation',
    change: (h) => ({ ...h, 'x-amz-target': 'TrentService.Decrypt' }),
    type: 'InvalidSignatureException',
    message: /does not match/,
  },
  {
    case: 'a signed header that is not there',
    change: changeAuthorization('host;', 'accept;host;'),
    type: 'InvalidSignatureException',
    message: /does not match/,
  },
  {
    case: 'signed headers out of order',
    change: changeAuthorization('host;x-amz-date', 'x-amz-date;host'),
    type: 'InvalidSignatureException',
    message: /does not match/,
  },
  { case: 'a signature cut short', change: changeAuthorization(/.$/, ''), type: 'InvalidSignatureException', message: /does not match/ },
  {
    case: 'a signature in capitals',
    change: (h) => ({ ...h, authorization: capitals(String(h.authorization)) }),
    type: 'InvalidSignatureException',
    message: /does not match/,
  },
]

function capitals(authorization: string): string {
  const [before = '', signature = ''] = authorization.split('Signature=')
  return `${before}Signature=${signature.toUpperCase()}`
}

test.each(tamperings)('$case is refused', async ({ change, type, message }) => {
  const headers = await signedNow()
  expect((await sendCall(kms.url, headers, body)).status).toBe(200) // The change alone is what is refused.
  expectRefusal(await sendCall(kms.url, change(headers), body), type, message)
})

describe('a request that was signed', () => {
  test('is refused with another body, whatever it says its hash is', async () => {
    const headers = await signedNow()
    const other = { KeyId: kmsKeys.second.id }
    expectRefusal(await sendCall(kms.url, headers, other), 'InvalidSignatureException', /does not match/)
    expectRefusal(await sendCall(kms.url, headers, `${JSON.stringify(body)} `), 'InvalidSignatureException', /does not match/)
    const unsigned = { ...headers, 'x-amz-content-sha256': 'UNSIGNED-PAYLOAD' }
    expectRefusal(await sendCall(kms.url, unsigned, other), 'InvalidSignatureException', /not signed: x-amz-content-sha256/)
  })

  test('is refused with a query, at another path and by another method', async () => {
    const headers = await signedNow()
    expectRefusal(await sendCall(kms.url, headers, body, 'POST', '/?x=1'), 'InvalidSignatureException', /does not match/)
    for (const [method, path] of [
      ['POST', '/x'],
      ['PUT', '/'],
    ] as const) {
      expect(await sendCall(kms.url, headers, body, method, path)).toMatchObject({ status: 404, text: '<UnknownOperationException/>\n' })
    }
  })

  test('is refused with any other digit in its signature', async () => {
    const headers = await signedNow()
    const [before = '', signature = ''] = String(headers.authorization).split('Signature=')
    for (let index = 0; index < signature.length; index += 1) {
      const digit = signature[index] === '0' ? '1' : '0'
      const authorization = `${before}Signature=${signature.slice(0, index)}${digit}${signature.slice(index + 1)}`
      expectRefusal(await sendCall(kms.url, { ...headers, authorization }, body), 'InvalidSignatureException', /does not match/)
    }
  })
})
