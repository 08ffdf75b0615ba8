import { expect, test, vi } from 'vitest'
import { rpcAnswer } from './rpc-answer.ts'

test('an answer is let go once it is here, and stays readable', async () => {
  const dispose = vi.fn<() => void>()
  const answer = { outcome: 'admitted', [Symbol.dispose]: dispose }
  expect((await rpcAnswer(Promise.resolve(answer))).outcome).toBe('admitted')
  expect(dispose).toHaveBeenCalledOnce()
})

test('an answer without a disposer is taken as it is, and a failure rises', async () => {
  expect(await rpcAnswer({ outcome: 'known' })).toEqual({ outcome: 'known' })
  await expect(rpcAnswer(Promise.reject(new Error('object is away')))).rejects.toThrow('object is away')
})
