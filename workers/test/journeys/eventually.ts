import { isDeepStrictEqual } from 'node:util'
import { expect } from 'vitest'

const intervalMs = 300

/** Asks again and again until the answer is the expected one; then, or when the time is over, asserts it. A failing question is asked again. */
export async function expectEventually<Answer>(ask: () => Promise<Answer>, expected: Answer, timeoutMs: number): Promise<void> {
  const deadlineMs = Date.now() + timeoutMs
  for (;;) {
    const answer = await ask().catch(String)
    if (isDeepStrictEqual(answer, expected)) return
    if (Date.now() > deadlineMs) return expect(answer).toEqual(expected)
    await new Promise((resolve) => setTimeout(resolve, intervalMs))
  }
}
