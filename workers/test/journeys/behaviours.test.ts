import { describe, expect, test } from 'vitest'
import { z } from 'zod'
import { expectCharge, expectNothingToldOfProvider, told } from './behaviour-checks.ts'
import { bodies, type Expectation, streams } from './behaviour-table.ts'
import { unreachableModel } from './catalogue.ts'
import { chatBody, chunksOf, dataOf, endsWithDone, streamBody } from './conversation.ts'
import { newCustomer } from './customers.ts'
import { askUpstream, truthSince } from './truth.ts'

describe.concurrent('a stream', () => {
  for (const each of streams) {
    for (const includeUsage of [false, true]) {
      test(`${each.behaviour}${includeUsage ? ' with usage shown' : ''}: ${told(each)}`, async () => {
        const customer = await newCustomer()
        const body = streamBody(each.behaviour, { includeUsage })
        const response = await customer.post(body)
        const bytes = Buffer.from(await response.arrayBuffer())
        expectAnswer(response, bytes, each)
        if (each.status === 200) {
          expect(response.headers.get('content-type')).toBe('text/event-stream')
          expectEnding(bytes.toString(), each)
          if (each.ending === 'untouched') await expectSameBytes(bytes, body, includeUsage)
        }
        await expectCharge(customer, response, each.charge)
      })
    }
  }
}, 90_000)

describe.concurrent('a body', () => {
  for (const each of bodies) {
    test(`${each.behaviour}: ${told(each)}`, async () => {
      const customer = await newCustomer()
      const body = chatBody(each.behaviour)
      const response = await customer.post(body)
      const bytes = Buffer.from(await response.arrayBuffer())
      expectAnswer(response, bytes, each)
      if (each.status === 200) await expectSameBytes(bytes, body, true)
      await expectCharge(customer, response, each.charge)
    })
  }
}, 90_000)

describe.concurrent('an upstream', () => {
  test('that asks for a wait of years is passed on as a minute', async () => {
    const response = await (await newCustomer()).chat('rate-limited-forever')
    expect(Number(response.headers.get('retry-after'))).toBeLessThanOrEqual(60)
  })

  test('that nobody can reach is a 503 at no charge', async () => {
    const customer = await newCustomer()
    const response = await customer.chat('', { model: unreachableModel })
    expect(response.status).toBe(503)
    await expectCharge(customer, response, 'zero')
  })

  test('sees nothing of the client: no header, no key, no query, no address', async () => {
    const customer = await newCustomer()
    const headers = {
      cookie: 'session=1',
      forwarded: 'for=192.0.2.1',
      'x-forwarded-for': '192.0.2.1',
      'x-real-ip': '192.0.2.1',
      'openai-organization': 'org-client',
      'openai-project': 'proj_client',
      'x-api-key': customer.apiKey,
      'x-stainless-lang': 'js',
      'x-request-id': 'chosen-by-the-client',
    }
    const body = JSON.stringify(chatBody('fast'))
    const response = await customer.send('/v1/chat/completions?trace=1', { method: 'POST', body, headers })
    expect(response.status).toBe(200)
    const requestId = response.headers.get('x-request-id')
    const [truth] = (await truthSince(customer.createdAtMs)).filter((each) => each.relayRequestId === requestId)
    expect(truth?.leaks).toEqual([])
    const platforms = ['accept-encoding', 'cf-worker', 'connection', 'content-length', 'host', 'transfer-encoding']
    const ours = ['accept', 'authorization', 'content-type', 'user-agent', 'x-request-id']
    expect(
      Object.keys(truth?.headers ?? {})
        .filter((name) => !platforms.includes(name))
        .toSorted(),
    ).toEqual(ours)
  })
})

function expectAnswer(response: Response, bytes: Buffer, { status, code }: Expectation): void {
  expect(response.status, bytes.toString().slice(0, 500)).toBe(status)
  expect(response.headers.get('x-request-id')).toMatch(/^req_[0-9a-z]{26}$/)
  expectNothingToldOfProvider(response, bytes)
  if (status === 200) return
  expect(JSON.parse(bytes.toString())).toEqual({ error: { message: expect.any(String), type: expect.any(String), param: null, code } })
  const isFinal = status === 400
  expect(response.headers.get('x-should-retry')).toBe(isFinal ? 'false' : null)
}

/** An upstream that broke off must not look as if it had finished. */
function expectEnding(text: string, { ending }: Expectation): void {
  expect(endsWithDone(text)).toBe(ending === 'untouched')
  if (ending === 'untouched') return
  expect(JSON.parse(dataOf(text).at(-1) ?? 'null')).toMatchObject({ error: { message: expect.any(String) } })
}

/** Compares with what the upstream sends when it is asked directly: but for ids and times, and the usage chunk nobody asked for, all of it. */
async function expectSameBytes(bytes: Buffer, body: object, includeUsage: boolean): Promise<void> {
  const { model, stream } = body as { model: string; stream?: boolean } // Made by chatBody or streamBody.
  const direct = { ...body, model: model.replace('gpt-', ''), ...(stream && { stream_options: { include_usage: true } }) }
  const answer = Buffer.from(await (await askUpstream(direct)).arrayBuffer())
  const sent = includeUsage ? withoutIds(answer) : withoutUsage(withoutIds(answer))
  expect(withoutIds(bytes) === sent, `${bytes.length} bytes received of ${answer.length}`).toBe(true)
}

function withoutIds(bytes: Buffer): string {
  return bytes
    .toString('latin1')
    .replace(/chatcmpl-[0-9a-z]+/g, 'chatcmpl')
    .replace(/"created":\d+/g, '"created":0')
}

/** Leaves out the events that report usage and carry no choice: a client that did not ask would look for one in them. */
function withoutUsage(text: string): string {
  const isUsage = (event: string) => chunksOf(event).some((chunk) => UsageChunk.safeParse(chunk).success)
  return (text.match(/[\s\S]*?(?:\r\n\r\n|\r\r|\n\n|$)/g) ?? []).filter((event) => !isUsage(event)).join('')
}

const UsageChunk = z.object({ usage: z.object({}), choices: z.array(z.unknown()).length(0) })
