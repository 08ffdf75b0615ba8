import type { z } from 'zod'
import type { Desk } from './desk.ts'
import { CommandFailure } from './failure.ts'

/** Posts money under an idempotency key. When an answer is lost it may have been posted, so the key that makes a second try harmless must not be lost as well. */
export async function postOnce<Answer extends z.ZodType>(
  desk: Desk,
  path: string,
  answer: Answer,
  body: Record<string, unknown> & { idempotencyKey: string },
): Promise<z.output<Answer>> {
  try {
    return await desk.admin().call('POST', path, answer, body)
  } catch (error) {
    if (!(error instanceof CommandFailure && error.isInDoubt)) throw error
    throw new CommandFailure(error.message, [
      ...error.hints,
      `The credit may have been posted. To try again without posting it twice, add --idempotency-key ${body.idempotencyKey}`,
    ])
  }
}
