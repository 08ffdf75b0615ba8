import { z } from 'zod'
import type { ListedRoute } from '#db/queries/list-routes.ts'
import type { DialectName } from '#shared/contracts/dialect.ts'
import { ask, type Fault } from './ask.ts'
import { probeBytes, probeTimeoutMs } from './limits.ts'

/** How a route is asked for one token in a dialect, and what makes an answer one. The model that it names is no evidence: an alias may stand behind it. */
interface Form {
  dialect: DialectName
  path(model: string): string
  headers?: Record<string, string>
  body(model: string): object
  answer: z.ZodType
}

const text = 'Say ok.'
const messages = [{ role: 'user', content: text }]

/** By preference: a route is probed in the first of these that it speaks. */
const forms: readonly Form[] = [
  {
    dialect: 'openai-chat',
    path: () => '/v1/chat/completions',
    body: (model) => ({ model, messages, max_tokens: 1 }),
    answer: z.object({ choices: z.array(z.object({ message: z.object({}) })).min(1) }),
  },
  {
    dialect: 'anthropic-messages',
    path: () => '/v1/messages',
    headers: { 'anthropic-version': '2023-06-01' },
    body: (model) => ({ model, messages, max_tokens: 1 }),
    answer: z.object({ type: z.literal('message'), content: z.array(z.unknown()) }),
  },
  {
    dialect: 'gemini-content',
    path: (model) => `/v1beta/models/${encodeURIComponent(model)}:generateContent`,
    body: () => ({ contents: [{ role: 'user', parts: [{ text }] }], generationConfig: { maxOutputTokens: 1 } }),
    answer: z.object({ candidates: z.array(z.object({})).min(1) }),
  },
  {
    dialect: 'openai-responses',
    path: () => '/v1/responses',
    // Sixteen is the least that OpenAI takes.
    body: (model) => ({ model, input: text, max_output_tokens: 16, store: false }),
    answer: z.object({ object: z.literal('response'), status: z.enum(['completed', 'incomplete']) }),
  },
]

/** Asks a route for one token. Answers null when it came, and what was wrong otherwise. */
export async function probe(route: ListedRoute, key: string | undefined): Promise<Fault | null> {
  const form = formOf(route)
  if (!form) return null
  const { baseUrl, upstreamModel: model } = route
  const { path, headers = {}, body, answer } = form
  const question = { url: baseUrl + path(model), key, headers, body: body(model), answer, timeoutMs: probeTimeoutMs, maxBytes: probeBytes }
  return (await ask(question)).fault
}

/** A route that speaks none of these dialects, such as one for images, is known by the catalogue alone. */
export function canProbe(route: ListedRoute): boolean {
  return formOf(route) !== undefined
}

function formOf({ dialects }: ListedRoute): Form | undefined {
  return forms.find(({ dialect }) => dialects.includes(dialect))
}
