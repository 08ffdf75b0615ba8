import { describe, expect, test } from 'vitest'
import { nearNames } from './near-names.ts'

const ids = ['gpt-5', 'gpt-5-mini', 'gpt-5.4-mini', 'gpt-4o', 'claude-sonnet-5-5', 'claude-opus-5-5', 'gemini-3.8-flash', 'grok-4.6']
const near = nearNames([...ids.map((name) => ({ name, id: name })), { name: 'sonnet-latest', id: 'claude-sonnet-5-5' }])

describe('a name that nobody knows', () => {
  test.each([
    ['gpt5-mini', 'gpt-5-mini'],
    ['GPT-4O', 'gpt-4o'],
    ['openai/gpt-5-mini', 'gpt-5-mini'],
    ['claude-sonet-5.5', 'claude-sonnet-5-5'],
    ['claude-5-5-sonnet', 'claude-sonnet-5-5'],
    ['gemini-flash-3.8', 'gemini-3.8-flash'],
    ['sonnet-lastest', 'claude-sonnet-5-5'],
  ])('%s resembles %s most', (name, id) => {
    expect(near(name)[0]).toBe(id)
  })

  test.each(['', '---', 'zzz', '\u0000', 'llama-guard', '💥'.repeat(100)])('%j resembles none', (name) => {
    expect(near(name)).toEqual([])
  })

  test('has at most three near ones, the most alike first and each once', () => {
    expect(near('gpt-5-min')).toEqual(['gpt-5-mini', 'gpt-5.4-mini', 'gpt-5'])
    expect(
      nearNames([
        { name: 'abc', id: 'x' },
        { name: 'abd', id: 'x' },
      ])('abc'),
    ).toEqual(['x'])
  })
})

test('a hostile name among many models costs little', () => {
  const many = Array.from({ length: 2_000 }, (_, at) => ({ name: `model-with-a-long-common-name-${at}`, id: String(at) }))
  const find = nearNames(many)
  const alphabet = Array.from({ length: 256 }, (_, at) => 'modelwithalongcommonname0123456789'[(at * 7) % 34]).join('')
  find('warm')
  const startedMs = performance.now()
  for (let round = 0; round < 20; round++) find(alphabet)
  expect((performance.now() - startedMs) / 20).toBeLessThan(25)
})

test('among no models nothing is near', () => {
  expect(nearNames([])('gpt-5')).toEqual([])
})
