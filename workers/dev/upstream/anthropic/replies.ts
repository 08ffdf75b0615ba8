import type { Failure, Script } from '../behaviours.ts'
import type { Exchange } from '../exchange.ts'
import type { Part } from '../play.ts'
import { type AnthropicError, overloaded, renderError, scriptedFailure } from './errors.ts'
import { anthropicHeaders, requestIdOf } from './headers.ts'

/** Answers with an error envelope. */
export function answerError(exchange: Exchange, error: AnthropicError): void {
  const headers = [...anthropicHeaders(exchange, 'application/json'), ...(error.headers ?? [])]
  exchange.answer(error.status, headers, renderError(error, requestIdOf(exchange)))
}

export function answerJson(exchange: Exchange, value: unknown): void {
  exchange.answer(200, anthropicHeaders(exchange, 'application/json'), JSON.stringify(value))
}

/** What is the same for every endpoint that plays a script. */
export function commonPart(exchange: Exchange, script: Script, key: string): Pick<Part, 'headers' | 'errorBody' | 'errorEvent' | 'fail'> {
  const errorBody = renderError(overloaded, requestIdOf(exchange))
  return {
    headers: (contentType) => anthropicHeaders(exchange, contentType),
    errorBody,
    errorEvent: { name: 'error', data: errorBody, tokens: 0 },
    fail: (failure: Failure, amount: number) => answerError(exchange, scriptedFailure(failure, amount, `scripted-${script.name}`, key)),
  }
}
