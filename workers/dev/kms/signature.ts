import { timingSafeEqual } from 'node:crypto'
import { computeSignature, type SignedRequest, type SigningScope } from './canonical-request.ts'
import { KmsRefusal } from './refusal.ts'
import { type KmsCredential, kmsRegion } from './well-known.ts'

const skewMs = 5 * 60_000
const algorithm = 'AWS4-HMAC-SHA256'

type Authorization = { accessKeyId: string; scope: SigningScope; signedNames: string[]; signature: string }

/** Throws unless AWS would take the request: AWS Signature Version 4 in the `Authorization` header, checked in AWS' order. */
export function verifySignature(request: SignedRequest, credentials: readonly KmsCredential[], nowMs: number): void {
  const [header, ...more] = request.headers.get('authorization') ?? []
  if (!header?.startsWith('AWS4-') || more.length > 0) {
    throw new KmsRefusal('MissingAuthenticationTokenException', 'Missing Authentication Token')
  }
  const parameters = readParameters(header)
  const amzDate = readDate(request, header)
  requireFresh(amzDate, nowMs)
  const signedNames = readSignedNames(request, parameters.SignedHeaders)
  if (!header.startsWith(`${algorithm} `)) {
    throw new KmsRefusal('IncompleteSignatureException', `Unsupported AWS 'algorithm' (only ${algorithm} for now).`)
  }
  const { accessKeyId, scope } = readCredential(parameters.Credential, amzDate)
  requireSignature(request, { accessKeyId, scope, signedNames, signature: parameters.Signature }, amzDate, credentials)
}

function readParameters(header: string): { Credential: string; SignedHeaders: string; Signature: string } {
  const pairs = header
    .slice(header.indexOf(' ') + 1)
    .split(',')
    .map((pair) => pair.trim().split('=', 2))
  const broken = pairs.find(([, value]) => value === undefined)
  if (broken) {
    const message = `'${broken[0]}' not a valid key=value pair (missing equal-sign) in Authorization header: '${header}'.`
    throw new KmsRefusal('IncompleteSignatureException', message)
  }
  const find = (name: string) => pairs.find(([each]) => each === name)?.[1] ?? ''
  const found = { Credential: find('Credential'), SignedHeaders: find('SignedHeaders'), Signature: find('Signature') }
  const missing = Object.entries(found).filter(([, value]) => value === '')
  if (missing.length === 0) return found
  const sentences = missing.map(([name]) => `Authorization header requires '${name}' parameter.`)
  throw new KmsRefusal('IncompleteSignatureException', `${sentences.join(' ')} Authorization=${header}`)
}

/** A `Date` header is not taken in its place: no signer of today leaves `x-amz-date` out. */
function readDate(request: SignedRequest, header: string): string {
  const [amzDate, ...more] = request.headers.get('x-amz-date') ?? []
  if (amzDate === undefined || more.length > 0) {
    const message = `Authorization header requires existence of either a 'X-Amz-Date' or a 'Date' header. Authorization=${header}`
    throw new KmsRefusal('IncompleteSignatureException', message)
  }
  if (Number.isNaN(timeOf(amzDate))) {
    const message = `Date must be in ISO-8601 'basic format'. Got '${amzDate}'. See http://en.wikipedia.org/wiki/ISO_8601`
    throw new KmsRefusal('IncompleteSignatureException', message)
  }
  return amzDate
}

function requireFresh(amzDate: string, nowMs: number): void {
  const time = timeOf(amzDate)
  const [now, earliest, latest] = [nowMs, nowMs - skewMs, nowMs + skewMs].map(basicFormat)
  if (time < nowMs - skewMs) {
    throw new KmsRefusal('InvalidSignatureException', `Signature expired: ${amzDate} is now earlier than ${earliest} (${now} - 5 min.)`)
  }
  if (time > nowMs + skewMs) {
    const message = `Signature not yet current: ${amzDate} is still later than ${latest} (${now} + 5 min.)`
    throw new KmsRefusal('InvalidSignatureException', message)
  }
}

/** The host, the date and whatever else says `x-amz-` must be covered, or someone on the way could exchange it. */
function readSignedNames(request: SignedRequest, list: string): string[] {
  const names = list.split(';')
  if (!names.includes('host')) {
    throw new KmsRefusal('InvalidSignatureException', "'Host' or ':authority' must be a 'SignedHeader' in the AWS Authorization.")
  }
  const uncovered = [...request.headers.keys()].filter((name) => name.startsWith('x-amz-') && !names.includes(name))
  if (uncovered.length > 0) {
    const message = `There were headers present in the request which were not signed: ${uncovered.join(', ')}`
    throw new KmsRefusal('InvalidSignatureException', message)
  }
  if (list !== [...new Set(names)].sort().join(';')) throw doesNotMatch()
  return names
}

function readCredential(text: string, amzDate: string): { accessKeyId: string; scope: SigningScope } {
  const parts = text.split('/')
  const [accessKeyId, date, region, service, terminator] = parts
  if (parts.length !== 5 || !accessKeyId || date === undefined || region === undefined || service === undefined) {
    const message = `Credential must have exactly 5 slash-delimited elements, e.g. keyid/date/region/service/term, got '${text}'`
    throw new KmsRefusal('IncompleteSignatureException', message)
  }
  const wrong = [
    region !== kmsRegion && `Credential should be scoped to a valid region, not '${region}'.`,
    service !== 'kms' && "Credential should be scoped to correct service: 'kms'.",
    terminator !== 'aws4_request' && `Credential should be scoped with a valid terminator: 'aws4_request', not '${terminator}'.`,
    date !== amzDate.slice(0, 8) && `Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date from HTTP: '${date}'.`,
  ].filter((sentence) => sentence !== false)
  if (wrong.length > 0) throw new KmsRefusal('InvalidSignatureException', wrong.join(' '))
  return { accessKeyId, scope: { date, region, service } }
}

function requireSignature(
  request: SignedRequest,
  { accessKeyId, scope, signedNames, signature }: Authorization,
  amzDate: string,
  credentials: readonly KmsCredential[],
): void {
  const credential = credentials.find((each) => each.accessKeyId === accessKeyId)
  if (!credential) throw invalidToken()
  const expected = Buffer.from(computeSignature(request, signedNames, amzDate, scope, credential.secretAccessKey))
  const given = Buffer.from(signature)
  if (given.length !== expected.length || !timingSafeEqual(given, expected)) throw doesNotMatch()
  // A lasting credential has no token, so a request that brings one is refused as well.
  const tokens = request.headers.get('x-amz-security-token') ?? []
  if (tokens.length > 1 || tokens[0] !== credential.sessionToken) throw invalidToken()
}

function invalidToken(): KmsRefusal {
  return new KmsRefusal('UnrecognizedClientException', 'The security token included in the request is invalid.')
}

function doesNotMatch(): KmsRefusal {
  const message =
    'The request signature we calculated does not match the signature you provided. Check your AWS Secret Access Key and signing method. Consult the service documentation for details.'
  return new KmsRefusal('InvalidSignatureException', message)
}

/** Milliseconds since the epoch of `20150830T123600Z`; not a number for any other spelling or for a day that never was. */
function timeOf(amzDate: string): number {
  const parts = /^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z$/.exec(amzDate)
  if (!parts) return Number.NaN
  const [, year, month, day, hour, minute, second] = parts
  const time = Date.parse(`${year}-${month}-${day}T${hour}:${minute}:${second}Z`)
  return !Number.isNaN(time) && basicFormat(time) === amzDate ? time : Number.NaN
}

function basicFormat(timeMs: number): string {
  return new Date(timeMs).toISOString().replaceAll(/[-:]|\.\d{3}/g, '')
}
