import { createHash, createHmac } from 'node:crypto'

/** What a signature is made over. Header names are in lower case, each with its values in the order they came. */
export type SignedRequest = {
  method: string
  /** Without the question mark; the path is always `/`, because KMS has no other. */
  query: string
  headers: ReadonlyMap<string, readonly string[]>
  body: Uint8Array
}

export type SigningScope = { date: string; region: string; service: string }

/** The AWS Signature Version 4 of a request as 64 hexadecimal digits. `amzDate` is the text of `x-amz-date`. */
export function computeSignature(
  request: SignedRequest,
  signedNames: readonly string[],
  amzDate: string,
  scope: SigningScope,
  secretAccessKey: string,
): string {
  const { date, region, service } = scope
  const text = canonicalRequest(request, signedNames)
  const stringToSign = ['AWS4-HMAC-SHA256', amzDate, `${date}/${region}/${service}/aws4_request`, sha256(text)].join('\n')
  const key = [date, region, service, 'aws4_request'].reduce<string | Buffer>((above, part) => hmac(above, part), `AWS4${secretAccessKey}`)
  return hmac(key, stringToSign).toString('hex')
}

function canonicalRequest({ method, query, headers, body }: SignedRequest, signedNames: readonly string[]): string {
  const names = [...signedNames].sort()
  const lines = names.map((name) => `${name}:${(headers.get(name) ?? []).map(trimValue).join(',')}\n`)
  return [method, '/', canonicalQuery(query), lines.join(''), names.join(';'), sha256(body)].join('\n')
}

function trimValue(value: string): string {
  return value.trim().replaceAll(/ +/g, ' ')
}

/** Encoded first and sorted then, by name and by value, as the specification says. */
function canonicalQuery(query: string): string {
  const pairs = [...new URLSearchParams(query.replaceAll('+', '%2B'))].map((pair) => pair.map(encodeStrictly))
  return pairs
    .map(([name, value]) => `${name}=${value}`)
    .sort()
    .join('&')
}

/** Everything but letters, digits and `-._~` is escaped; `encodeURIComponent` leaves five more as they are. */
function encodeStrictly(text: string): string {
  return encodeURIComponent(text).replaceAll(/[!'()*]/g, (letter) => `%${letter.charCodeAt(0).toString(16).toUpperCase()}`)
}

function sha256(content: string | Uint8Array): string {
  return createHash('sha256').update(content).digest('hex')
}

function hmac(key: string | Buffer, text: string): Buffer {
  return createHmac('sha256', key).update(text).digest()
}
