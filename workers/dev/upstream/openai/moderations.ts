import type { Exchange } from '../exchange.ts'
import { isObject, type JsonObject } from '../json-body.ts'
import { play } from '../play.ts'
import { numbersFrom, seedOf } from '../text.ts'
import { arrayOf, byType, type Check, checkTopLevel, isString, shape, wrongType } from './checks.ts'
import { admitRequest, commonPart } from './replies.ts'

const part = byType({
  text: shape({ type: isString, text: isString }, ['text']),
  image_url: shape({ type: isString, image_url: shape({ url: isString }, ['url']) }, ['image_url']),
})
const texts = arrayOf(isString, 1, 2_048)
const parts = arrayOf(part, 1, 2_048)

const input: Check = (value, path) => {
  if (typeof value === 'string') return null
  if (!Array.isArray(value)) return wrongType(path, 'one of a string or array', value)
  return (isObject(value[0]) ? parts : texts)(value, path)
}

const parameters: Readonly<Record<string, Check>> = { model: isString, input }

const categories = [
  'harassment',
  'harassment/threatening',
  'hate',
  'hate/threatening',
  'illicit',
  'illicit/violent',
  'self-harm',
  'self-harm/instructions',
  'self-harm/intent',
  'sexual',
  'sexual/minors',
  'violence',
  'violence/graphic',
]

/** POST /v1/moderations. Nothing is generated and nothing counted; a text with `[flagged]` is violent. */
export async function answerModeration(exchange: Exchange, body: JsonObject, model: string, key: string): Promise<void> {
  const script = admitRequest(exchange, model, () => checkTopLevel(body, parameters, ['model', 'input']))
  if (!script) return
  const inputs = listInputs(body.input)
  const seed = seedOf(`${model}\n${JSON.stringify(body.input)}`)
  const id = `modr-scripted${exchange.record.id.toString(36).padStart(8, '0')}`
  await play(exchange, script, {
    ...commonPart(exchange, script, key),
    stream: false,
    seed,
    visibleTokens: 0,
    hiddenTokens: 0,
    usage: null,
    renderBody: () => JSON.stringify({ id, model, results: inputs.map(judge) }),
    renderEvents: () => [],
  })
}

/** Texts are judged one by one, parts together. */
function listInputs(value: unknown): string[] {
  if (typeof value === 'string') return [value]
  return Array.isArray(value) && typeof value[0] === 'string' ? value : [JSON.stringify(value)]
}

function judge(text: string): JsonObject {
  const flagged = text.includes('[flagged]')
  const next = numbersFrom(seedOf(text))
  const forEach = (value: (category: string) => unknown): JsonObject => Object.fromEntries(categories.map((name) => [name, value(name)]))
  const isHit = (category: string): boolean => flagged && category === 'violence'
  return {
    flagged,
    categories: forEach(isHit),
    category_scores: forEach((category) => (isHit(category) ? 0.97 : (next() % 1_000) / 1_000_000)),
    category_applied_input_types: forEach(() => ['text']),
  }
}
