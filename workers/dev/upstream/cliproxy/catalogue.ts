import { listModels, scriptOf } from '../behaviours.ts'
import { failureModels, failureOf } from './failures.ts'

// 2025-01-01, as the models of the scripted OpenAI.
const createdSeconds = 1_735_689_600
const aliasPrefix = 'cpa-'

/** The model behind an alias: `cpa-fast` is answered by `scripted-fast`, and the answer says so. */
export function modelBehind(asked: string): string {
  return asked.startsWith(aliasPrefix) ? `scripted-${asked.slice(aliasPrefix.length)}` : asked
}

/** Whether a request for this name reaches a provider or a scripted failure; a model that is missing takes its alias along. */
export function isServed(asked: string, missing: ReadonlySet<string>): boolean {
  const model = modelBehind(asked)
  if (missing.has(asked) || missing.has(model)) return false
  return failureOf(model) !== null || scriptOf(model) !== null
}

function listNames(missing: ReadonlySet<string>): string[] {
  const models = [...listModels(), ...failureModels]
  const aliases = models.map((model) => `${aliasPrefix}${model.slice('scripted-'.length)}`)
  return [...models, ...aliases].filter((name) => isServed(name, missing))
}

/** GET /v1/models for clients of OpenAI, or in the form that clients of Anthropic get. */
export function renderModels(missing: ReadonlySet<string>, forAnthropic: boolean): unknown {
  const names = listNames(missing)
  const describe = (id: string): Record<string, unknown> => ({ id, object: 'model', owned_by: 'scripted' })
  if (!forAnthropic) return { object: 'list', data: names.map((id) => ({ ...describe(id), created: createdSeconds })) }
  const data = names.map((id) => ({ ...describe(id), created_at: createdSeconds, display_name: id }))
  return { data, has_more: false, first_id: names.at(0) ?? '', last_id: names.at(-1) ?? '' }
}

/** GET /v1beta/models. */
export function renderGeminiModels(missing: ReadonlySet<string>): unknown {
  return { models: listNames(missing).map(describeForGemini) }
}

/** GET /v1beta/models/{model}. */
export function describeForGemini(name: string): unknown {
  return { name: `models/${name}`, displayName: name, description: name, supportedGenerationMethods: ['generateContent'] }
}
