import type { HeaderList } from '../exchange.ts'
import type { Provider } from './state.ts'

/** What the proxy itself answers instead of a provider. `error` is the envelope clients of OpenAI and Gemini get. */
export type Failure = { status: number; error: Record<string, unknown> & { message: string }; headers?: HeaderList }

type FailureName = 'cooldown' | 'auth-unavailable' | 'auth-not-found'

const usualCooldownSeconds = 2

export const failureModels = ['scripted-cooldown', 'scripted-auth-unavailable', 'scripted-auth-not-found']

/** Reads `scripted-cooldown[-N]` and its like; null for what is left to a provider. */
export function failureOf(model: string): { name: FailureName; amount: number } | null {
  if (model === 'scripted-auth-unavailable') return { name: 'auth-unavailable', amount: 0 }
  if (model === 'scripted-auth-not-found') return { name: 'auth-not-found', amount: 0 }
  const cooldown = /^scripted-cooldown(?:-(\d{1,8}))?$/.exec(model)
  return cooldown ? { name: 'cooldown', amount: Number(cooldown[1] ?? usualCooldownSeconds) } : null
}

export function scriptedFailure(name: FailureName, amount: number, asked: string, provider: Provider): Failure {
  if (name === 'cooldown') return modelCooldown(asked, provider, amount)
  return noCredential(name === 'auth-not-found' ? 'auth_not_found' : 'auth_unavailable', asked, provider)
}

/** Every account that could serve the model waits for its quota; members in the order of the real one. */
function modelCooldown(model: string, provider: Provider, seconds: number): Failure {
  const message = `All credentials for model ${model} are cooling down via provider ${provider}`
  return {
    status: 429,
    error: { code: 'model_cooldown', message, model, provider, reset_seconds: seconds, reset_time: goDuration(seconds) },
    headers: ['retry-after', String(seconds)],
  }
}

/** The reason stands at the head of the message only; to clients of Anthropic it even names the management plane. */
export function noCredential(reason: 'auth_unavailable' | 'auth_not_found', model: string, provider: Provider | 'unknown'): Failure {
  const what = reason === 'auth_not_found' ? 'no auth candidates' : 'no auth available'
  const hint = provider === 'claude' ? '; check Claude auth/key session and cooldown state via /v0/management/auth-files' : ''
  const message = `${reason}: ${what} (providers=${provider}, model=${model})${hint}`
  return { status: 503, error: { message, type: 'server_error', code: 'internal_server_error' } }
}

export function unknownModel(model: string): Failure {
  const message = `unknown provider for model ${model}`
  return { status: 400, error: { message, type: 'invalid_request_error', code: 'model_not_found', param: 'model' } }
}

export const tooLarge: Failure = { status: 413, error: { message: 'http: request body too large', type: 'invalid_request_error' } }

export const geminiNotFound: Failure = { status: 404, error: { message: 'Not Found', type: 'not_found' } }

/** A defect of the scripted upstream, in the words of the real one. */
export const serverError: Failure = {
  status: 500,
  error: { message: 'Internal Server Error', type: 'server_error', code: 'internal_server_error' },
}

/** Not the proxy's answer: tells the relay's tests that something came through that must not. */
export function relayLeak(leaks: readonly string[]): Failure {
  const message = `The relay forwarded what it must not: ${leaks.join(', ')}.`
  return { status: 400, error: { message, type: 'invalid_request_error', code: 'relay_leak', param: leaks[0] ?? null } }
}

const anthropicTypes: Readonly<Record<number, string>> = { 400: 'invalid_request_error', 413: 'request_too_large', 429: 'rate_limit_error' }

/** Clients of Anthropic get their own envelope, which has no room for a code. */
export function renderFailure({ status, error }: Failure, forAnthropic: boolean): string {
  if (!forAnthropic) return JSON.stringify({ error })
  return JSON.stringify({ type: 'error', error: { type: anthropicTypes[status] ?? 'api_error', message: error.message } })
}

/** Seconds as Go prints a duration: `2s`, `1m0s`, `48h0m0s`. */
function goDuration(seconds: number): string {
  const [hours, minutes] = [Math.floor(seconds / 3_600), Math.floor(seconds / 60) % 60]
  if (hours > 0) return `${hours}h${minutes}m${seconds % 60}s`
  return minutes > 0 ? `${minutes}m${seconds % 60}s` : `${seconds}s`
}
