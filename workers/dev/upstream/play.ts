import { promisify } from 'node:util'
import { gzip } from 'node:zlib'
import type { Failure, Script } from './behaviours.ts'
import { deliverBinary, deliverBody, deliverStream, pause, renderStream, type StreamEvent, type StreamFormat } from './delivery.ts'
import type { Exchange, HeaderList } from './exchange.ts'
import { answerRedirect } from './redirects.ts'

/** What a dialect brings for one accepted request; the script decides which of it is used. Tokens count all choices. */
export type Part = {
  stream: boolean
  /** Server-sent events where it is left out. */
  format?: StreamFormat
  /** Pure function of the request, the same for each attempt of it. */
  seed: number
  visibleTokens: number
  hiddenTokens: number
  /** What the non-stream body reports, as parsed. */
  usage: unknown
  headers(contentType: string): HeaderList
  /** Bytes instead of text are sent in chunks, without a length. */
  renderBody(): string | Buffer
  /** Content type of that body, where it is not JSON. */
  bodyType?: string
  renderEvents(): StreamEvent[]
  /** An error as it stands in a 200: the body of an envelope, and the event of a stream. */
  errorBody: string
  errorEvent: StreamEvent
  /** The error that ends a stream already begun, where it is another; it is told how many events went before it. */
  failedEvent?(sentBefore: number): StreamEvent
  fail(failure: Failure, amount: number): void
}

const sse = 'text/event-stream; charset=utf-8'
const json = 'application/json'
const page = '<!DOCTYPE html><html><head><title>Just a moment...</title></head><body><h1>Checking your browser</h1></body></html>\n'
const megabyte = 1024 * 1024

/** Plays the script of the model for one request that passed all checks. */
export async function play(exchange: Exchange, script: Script, part: Part): Promise<void> {
  const { behaviour, amount } = script
  if (behaviour.opening && (await playOpening(exchange, script, part)) === 'ended') return
  if (behaviour.failure) return part.fail(behaviour.failure, amount)
  if (behaviour.instead === 'redirect') return answerRedirect(exchange, amount, part.headers(json))
  if (behaviour.instead) return playInstead(exchange, behaviour.instead, part)
  if (behaviour.fault === 'bomb') return playBomb(exchange, amount, part)
  if (!part.stream) return playBody(exchange, script, part)
  const { errorEvent, format = 'sse' } = part
  const errorAfter = (sentBefore: number): StreamEvent => (sentBefore > 0 && part.failedEvent?.(sentBefore)) || errorEvent
  await deliverStream(exchange, part.headers(contentTypeOf(part)), { events: part.renderEvents(), errorAfter, format }, script)
}

function contentTypeOf({ stream, format, bodyType = json }: Part): string {
  if (!stream) return bodyType
  return format === 'array' ? json : sse
}

async function playOpening(exchange: Exchange, { behaviour, amount, name }: Script, part: Part): Promise<'ended' | 'open'> {
  if (behaviour.opening === 'delay') await pause(amount)
  if (!exchange.isOpen || behaviour.opening === 'stall') return 'ended'
  if (behaviour.opening === 'cut') {
    exchange.record.completionTokensGenerated = part.visibleTokens + part.hiddenTokens
    exchange.cut()
    return 'ended'
  }
  // The path stands in it because two endpoints may be told the same text.
  const request = `${exchange.record.path} ${name} ${amount} ${part.seed} ${part.stream}`
  if (behaviour.opening === 'fail-first' && exchange.attempts.failsThisTime(request, amount)) {
    part.fail('overloaded', amount)
    return 'ended'
  }
  return 'open'
}

function playInstead(exchange: Exchange, instead: 'html' | 'error' | 'nothing', part: Part): void {
  exchange.ending = 'broken'
  if (instead === 'html') exchange.answer(200, part.headers('text/html; charset=UTF-8'), page)
  else if (instead === 'error') exchange.answer(200, part.headers(json), part.errorBody)
  else exchange.answer(200, part.headers(contentTypeOf(part)), '')
}

async function playBody(exchange: Exchange, script: Script, part: Part): Promise<void> {
  const { behaviour, amount } = script
  if (behaviour.fault === 'error-first' || behaviour.fault === 'error-mid') return playInstead(exchange, 'error', part)
  if (behaviour.pace === 'paced') await pause(amount * (part.visibleTokens + part.hiddenTokens))
  if (!exchange.isOpen) return
  countBody(exchange, part, behaviour.fault === undefined || behaviour.fault === 'after-done')
  const headers = part.headers(contentTypeOf(part))
  const body = part.renderBody()
  if (typeof body === 'string') await deliverBody(exchange, headers, body, script)
  else await deliverBinary(exchange, headers, body, script)
}

/** A body cut in half is no answer, so its tokens were generated but not sent. */
function countBody({ record }: Exchange, part: Part, isWhole: boolean): void {
  record.completionTokensGenerated = part.visibleTokens + part.hiddenTokens
  if (!isWhole) return
  record.completionTokensSent = part.visibleTokens
  record.usageReported = part.usage
}

const compress = promisify(gzip)

/** Valid content behind megabytes of padding that compress a thousandfold. */
async function playBomb(exchange: Exchange, unpackedMegabytes: number, part: Part): Promise<void> {
  const padding = Buffer.alloc(Math.min(unpackedMegabytes, 512) * megabyte, ' ')
  const content = part.stream ? renderStream(part.renderEvents(), part.format ?? 'sse') : part.renderBody()
  // JSON may begin with spaces; among events they need a comment.
  const [before, after] = contentTypeOf(part) === sse ? [':', '\n\n'] : ['', '']
  const packed = await compress(Buffer.concat([Buffer.from(before), padding, Buffer.from(after), Buffer.from(content)]), { level: 1 })
  if (!exchange.isOpen) return
  countBody(exchange, part, true)
  exchange.answer(200, [...part.headers(contentTypeOf(part)), 'content-encoding', 'gzip'], packed)
}
