/**
 * What a call of another Worker's object answers. The runtime keeps the callee's side of the call open until the answer is disposed of, or collected
 * as garbage at some later time; an answer of plain data can be let go at once.
 */
export async function rpcAnswer<Answer extends object>(call: Answer | Promise<Answer>): Promise<Answer> {
  const answer: Answer & Partial<Disposable> = await call
  answer[Symbol.dispose]?.()
  return answer
}
