import { type Failure, type Script, scriptOf } from '../behaviours.ts'
import type { Exchange } from '../exchange.ts'
import type { Part } from '../play.ts'
import { type OpenAiError, renderError, scriptedFailure, serverError, unknownModel } from './errors.ts'
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

/** The error of a stream whose events name their type but carry no sequence number. */
export const namedErrorEvent = { name: 'error', data: JSON.stringify({ type: 'error', ...JSON.parse(inBandError) }), tokens: 0 }

/** What is the same for every OpenAI endpoint that plays a script. */
export function commonPart(exchange: Exchange, script: Script, key: string): Pick<Part, 'headers' | 'errorBody' | 'errorEvent' | 'fail'> {
  return {
    headers: (contentType) => openAiHeaders(exchange, contentType),
    errorBody: inBandError,
    errorEvent: inBandEvent,
    fail: (failure: Failure, amount: number) => answerError(exchange, scriptedFailure(failure, amount, `scripted-${script.name}`, key)),
  }
}

/** The script that a model names, once the body has passed its checks; null when the request was refused and so answered. */
export function admitRequest(exchange: Exchange, model: string, check: () => OpenAiError | null): Script | null {
  const script = scriptOf(model)
  if (script) exchange.record.behaviour = script.name
  const error = script ? check() : unknownModel(model)
  if (error) answerError(exchange, error)
  return error ? null : script
}
