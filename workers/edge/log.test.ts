import { expect, test, vi } from 'vitest'
import { logFailure, reasonOf } from './log.ts'

class DrizzleQueryError extends Error {
  override name = 'DrizzleQueryError'
}

test('a failed query is named, and neither its parameters nor the address of its database are told', () => {
  const cause = new Error('connect postgres://relay:secret@db failed')
  const reason = reasonOf(new DrizzleQueryError('Failed query: select 1 params: canary-4711', { cause }))
  expect(reason).toBe('DrizzleQueryError < Error')
})

test('any other failure tells its first cause, cut to a length', () => {
  expect(reasonOf(new TypeError('outer', { cause: new Error('link cut') }))).toBe('TypeError < Error: link cut')
  expect(reasonOf(new Error('x'.repeat(1_000)))).toHaveLength(300)
  expect(reasonOf('thrown text')).toBe('not an error: ')
})

test('a failure is one line of JSON with its facts', () => {
  const write = vi.spyOn(console, 'error').mockReturnValue(undefined)
  logFailure('settle_failed', new Error('away'), { requestId: 'req_1' })
  expect(JSON.parse(String(write.mock.calls[0]?.[0]))).toEqual({ event: 'settle_failed', requestId: 'req_1', error: 'Error: away' })
  write.mockRestore()
})
