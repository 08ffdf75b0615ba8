import type { Failure, Script } from '../behaviours.ts'
import type { Exchange } from '../exchange.ts'
import type { Part } from '../play.ts'
import { type OpenAiError, renderError, scriptedFailure, serverError } from './errors.ts'
import { openAiHeaders } from './headers.ts'

/** Answers with an error envelope. */
export function answerError(exchange: Exchange, error: OpenAiError): void {
  exchange.answer(error.status, [...openAiHeaders(exchange, 'application/json'), ...(error.headers ?? [])], renderError(error))
}

export function answerJson(exchange: Exchange, json: string): void {
  exchange.answer(200, openAiHeaders(exchange, 'application/json'), json)
}

const inBandError = renderError(serverError)
const inBandEvent = { data: JSON.stringify(JSON.parse(inBandError)), tokens: 0 }

/** What is the same for every OpenAI endpoint that plays a script. */
export function commonPart(exchange: Exchange, script: Script, key: string): Pick<Part, 'headers' | 'errorBody' | 'errorEvent' | 'fail'> {
  return {
    headers: (contentType) => openAiHeaders(exchange, contentType),
    errorBody: inBandError,
    errorEvent: inBandEvent,
    fail: (failure: Failure, amount: number) => answerError(exchange, scriptedFailure(failure, amount, `scripted-${script.name}`, key)),
  }
}
