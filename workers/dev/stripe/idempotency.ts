import type { ApiAnswer } from './api.ts'
import { StripeRefusal } from './refusal.ts'

interface Asked {
  key: string
  path: string
  /** The same text for the same parameters. */
  parameters: string
  requestId: string
}

type Known = Asked & { answer: ApiAnswer | null }

/** Answers by their `Idempotency-Key`, as Stripe keeps them: whatever came of a request that began, a 500 included. */
export class IdempotentAnswers {
  readonly #known = new Map<string, Known>()

  /** `begin` reads the parameters; a refusal there is not kept. What it returns does the work, once for each key. */
  async answer(asked: Asked, begin: () => () => Promise<ApiAnswer>): Promise<ApiAnswer> {
    if (asked.key.length > 255) throw refusal(400, 'Idempotency keys are up to 255 characters long.')
    const known = this.#known.get(asked.key)
    if (known) return replay(known, asked)
    const run = begin()
    const entry: Known = { ...asked, answer: null }
    this.#known.set(asked.key, entry)
    try {
      const answer = await run()
      entry.answer = { ...answer, headers: { 'idempotency-key': asked.key, 'original-request': asked.requestId } }
      return entry.answer
    } finally {
      // A defect of this stand-in is no answer, so the key is free again.
      if (entry.answer === null) this.#known.delete(asked.key)
    }
  }
}

function replay(known: Known, asked: Asked): ApiAnswer {
  const another = `Try using a key other than '${asked.key}' if you meant to execute a different request.`
  if (known.path !== asked.path) {
    const both = `'${asked.path}' vs '${known.path}'`
    throw refusal(400, `Keys for idempotent requests can only be used for the same endpoint they were first used for (${both}). ${another}`)
  }
  if (known.parameters !== asked.parameters) {
    throw refusal(400, `Keys for idempotent requests can only be used with the same parameters they were first used with. ${another}`)
  }
  if (known.answer === null) {
    throw refusal(
      409,
      'There is currently another in-progress request using this Idempotent Key. Please try again later.',
      'idempotency_key_in_use',
    )
  }
  const { status, body, headers } = known.answer
  return { status, body, headers: { ...headers, 'idempotent-replayed': 'true' } }
}

function refusal(status: number, message: string, code?: string): StripeRefusal {
  return new StripeRefusal(status, 'idempotency_error', message, code === undefined ? {} : { code })
}
