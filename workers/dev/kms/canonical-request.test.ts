import { expect, test } from 'vitest'
import { computeSignature } from './canonical-request.ts'

const secret = 'wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY'
const amzDate = '20150830T123600Z'
const form = 'application/x-www-form-urlencoded'

type Vector = {
  name: string
  method?: string
  query?: string
  host?: string
  headers?: [string, string[]][]
  body?: string
  service?: string
  signature: string
}

/** From AWS' published test suite for Signature Version 4, and the example of its documentation on signing code. */
const vectors: Vector[] = [
  { name: 'get-vanilla', signature: '5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31' },
  { name: 'post-vanilla', method: 'POST', signature: '5da7c1a2acd57cee7505fc6676e4e544621c30862966e37dddb68e92efbe5d6b' },
  {
    name: 'get-vanilla-query-order-key-case',
    query: 'Param2=value2&Param1=value1',
    signature: 'b97d918cfa904a5beff61c982a1b6f458b799221646efd99d3219ec94cdf2500',
  },
  {
    name: 'get-header-value-trim',
    headers: [
      ['my-header1', [' value1']],
      ['my-header2', [' "a   b   c"']],
    ],
    signature: 'acc3ed3afb60bb290fc8d2dd0098b9911fcaa05412b367055dee359757a9c736',
  },
  {
    name: 'post-x-www-form-urlencoded',
    method: 'POST',
    headers: [['content-type', [form]]],
    body: 'Param1=value1',
    signature: 'ff11897932ad3f4e8b18135d722051e5ac45fc38421b1da7b9d196a0fe09473a',
  },
  {
    name: 'ListUsers of IAM',
    query: 'Action=ListUsers&Version=2010-05-08',
    host: 'iam.amazonaws.com',
    headers: [['content-type', [`${form}; charset=utf-8`]]],
    service: 'iam',
    signature: '5d672d79c15b13162d9279b0855cfba6789a8edb4c82c400e06b5924a6f2b5d7',
  },
]

test.each(vectors)('the signature of $name is the one AWS publishes', (vector) => {
  const { method = 'GET', query = '', host = 'example.amazonaws.com', headers = [], body = '', service = 'service', signature } = vector
  const all = new Map([['host', [host]], ['x-amz-date', [amzDate]], ...headers])
  const request = { method, query, headers: all, body: Buffer.from(body) }
  const scope = { date: '20150830', region: 'us-east-1', service }
  expect(computeSignature(request, [...all.keys()], amzDate, scope, secret)).toBe(signature)
})
