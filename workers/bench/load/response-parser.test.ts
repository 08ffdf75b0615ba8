import { expect, test } from 'vitest'
import { ResponseParser } from './response-parser.ts'

const sized = 'HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 11\r\n\r\nhello world'
const chunked = 'HTTP/1.1 201 Created\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhello\r\n6;a=b\r\n\r\n\r\n!!\r\n0\r\nx-sum: 1\r\n\r\n'
const empty = 'HTTP/1.1 204 No Content\r\ncontent-length: 0\r\n\r\n'

type Seen = { status: number; body: string; ended: boolean }

function collect(): { seen: Seen[]; parser: ResponseParser } {
  const seen: Seen[] = []
  const parser = new ResponseParser({
    head: (status) => seen.push({ status, body: '', ended: false }),
    body: (piece) => {
      const last = seen.at(-1)
      if (last) last.body += piece.toString('latin1')
    },
    end: () => {
      const last = seen.at(-1)
      if (last) last.ended = true
    },
  })
  return { seen, parser }
}

const whole: Seen[] = [
  { status: 200, body: 'hello world', ended: true },
  { status: 201, body: 'hello\r\n\r\n!!', ended: true },
  { status: 204, body: '', ended: true },
  { status: 200, body: 'hello world', ended: true },
]
const wire = Buffer.from(sized + chunked + empty + sized)

test('responses are read alike, wherever TCP cuts them', () => {
  for (let size = 1; size <= wire.length; size++) {
    const { seen, parser } = collect()
    for (let at = 0; at < wire.length; at += size) parser.push(wire.subarray(at, at + size))
    expect(seen, `pieces of ${size} bytes`).toEqual(whole)
    expect(parser.isIdle).toBe(true)
  }
})

test('every single cut is survived', () => {
  for (let cut = 1; cut < wire.length; cut++) {
    const { seen, parser } = collect()
    parser.push(wire.subarray(0, cut))
    parser.push(wire.subarray(cut))
    expect(seen, `cut at byte ${cut}`).toEqual(whole)
  }
})

test('an answer cut short has not ended', () => {
  for (const text of [sized.slice(0, -1), chunked.slice(0, -1)]) {
    const { seen, parser } = collect()
    parser.push(Buffer.from(text))
    expect(seen).toMatchObject([{ ended: false }])
    expect(parser.isIdle).toBe(false)
  }
})

test('what cannot be counted to its end is refused', () => {
  const refused = [
    'HTTP/1.1 200 OK\r\n\r\nbody until the connection closes',
    'HTTP/1.1 200 OK\r\ncontent-length: 1\r\ntransfer-encoding: chunked\r\n\r\n',
    'HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nhello\r\n',
    'SSH-2.0-OpenSSH\r\n\r\n',
  ]
  for (const text of refused) expect(() => collect().parser.push(Buffer.from(text)), text).toThrow()
})
