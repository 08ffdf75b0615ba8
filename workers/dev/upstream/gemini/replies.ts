import type { Failure, Script } from '../behaviours.ts'
import { renderStream, type StreamFormat } from '../delivery.ts'
import type { Exchange } from '../exchange.ts'
import type { Part } from '../play.ts'
import { type GoogleError, internalError, renderError, scriptedFailure } from './errors.ts'
import { geminiHeaders } from './headers.ts'

/** One call of a method on a model, its key judged. */
export type Call = { exchange: Exchange; version: string; model: string; key: string; format: StreamFormat }

/** Answers with an error envelope; a stream in array form begins its array for it, whatever the status. */
export function answerError(exchange: Exchange, error: GoogleError, format: StreamFormat): void {
  const headers = [...geminiHeaders(exchange, 'application/json'), ...(error.headers ?? [])]
  exchange.answer(error.code, headers, renderEnvelope(error, format))
}

export function answerJson(exchange: Exchange, value: unknown): void {
  exchange.answer(200, geminiHeaders(exchange, 'application/json'), `${JSON.stringify(value, null, 2)}\n`)
}

const notFoundPage =
  '<!DOCTYPE html>\n<html lang=en>\n  <title>Error 404 (Not Found)!!1</title>\n  <p>The requested URL was not found on this server.\n'

/** What this host knows no method for, a wrong verb included, is a page and no JSON. */
export function answerNotFound(exchange: Exchange): void {
  exchange.answer(404, geminiHeaders(exchange, 'text/html; charset=UTF-8'), notFoundPage)
}

const inBandEvent = { data: JSON.stringify(JSON.parse(renderError(internalError))), tokens: 0 }

/** What is the same for every method that plays a script. */
export function commonPart(
  { exchange, key, format }: Call,
  script: Script,
): Pick<Part, 'format' | 'headers' | 'errorBody' | 'errorEvent' | 'fail'> {
  return {
    format,
    headers: (contentType) => geminiHeaders(exchange, contentType),
    errorBody: renderEnvelope(internalError, format),
    errorEvent: inBandEvent,
    fail: (failure: Failure, amount: number) =>
      answerError(exchange, scriptedFailure(failure, amount, `scripted-${script.name}`, key), format),
  }
}

function renderEnvelope(error: GoogleError, format: StreamFormat): string {
  const envelope = renderError(error)
  return format === 'array' ? renderStream([{ data: envelope, tokens: 0 }], 'array') : `${envelope}\n`
}
