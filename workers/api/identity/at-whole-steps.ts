import { answerStepMs } from '../limits.ts'

/** Answers at a whole multiple of the step, so that the time does not tell which of several ways the work took. A failure is told at once. */
export async function atWholeSteps<Value>(work: () => Promise<Value>): Promise<Value> {
  const startedAt = performance.now()
  const value = await work()
  const restMs = answerStepMs - ((performance.now() - startedAt) % answerStepMs)
  await new Promise((resolve) => setTimeout(resolve, restMs))
  return value
}
