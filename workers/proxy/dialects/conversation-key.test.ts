import { describe, expect, test } from 'vitest'
import { beginningOf } from './conversation-key.ts'

const user = (content: string) => ({ role: 'user', content })
const system = { role: 'system', content: 'be brief' }

describe('a conversation', () => {
  test.each([
    ['of a user and a model', [user('hi')], [{ role: 'model', content: 'hello' }, user('more')]],
    ['behind a system prompt', [system, user('hi')], [{ role: 'assistant', content: 'hello' }, user('more')]],
    ['without roles', ['hi'], ['hello', 'more']],
  ])('%s keeps its name from the first turn on', (_, first, later) => {
    expect(beginningOf([...first, ...later])).toBe(beginningOf(first))
  })

  test('has another name than one that begins otherwise, and the same wherever the mark of a cache stands', () => {
    expect(beginningOf([system, user('hi')])).not.toBe(beginningOf([system, user('ho')]))
    expect(beginningOf([{ ...system, content: 'be long' }, user('hi')])).not.toBe(beginningOf([system, user('hi')]))
    expect(beginningOf([{ ...user('hi'), cache_control: { type: 'ephemeral' } }])).toBe(beginningOf([user('hi')]))
  })
})
