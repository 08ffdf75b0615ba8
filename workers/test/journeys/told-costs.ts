import type { RelayOptions } from '#shared/contracts/relay-options.ts'
import { modelOf } from './catalogue.ts'
import { chatBody, messageBody, promptOf, streamBody } from './conversation.ts'
import type { Customer } from './customers.ts'

type ReadCost = (customer: Customer) => Promise<unknown>

const usage: RelayOptions = { usage: true }
const tags = '[tokens=17][cached=3]'
const costIn = (reported: unknown): unknown =>
  typeof reported === 'object' && reported !== null ? Reflect.get(reported, 'cost_usd') : undefined

/** The cost that each client reads beside the usage, whole and streamed; of a stream, the last that is told. */
export const toldCosts: Record<string, ReadCost> = {
  'a chat completion': async (customer) => {
    const answer = await customer.openai().chat.completions.create(wishing(chatBody('fast', { text: tags }), usage))
    return costIn(answer.usage)
  },
  'a streamed chat completion': async (customer) => {
    const body = wishing(streamBody('paced-5', { text: tags, includeUsage: true }), usage)
    const told: unknown[] = []
    for await (const chunk of await customer.openai().chat.completions.create(body)) told.push(costIn(chunk.usage))
    return told.at(-1)
  },
  'a response': async (customer) => {
    const answer = await customer.openai().responses.create(wishing(responseBody(modelOf('fast')), usage))
    return costIn(answer.usage)
  },
  'a streamed response': async (customer) => {
    const answer = customer.openai().responses.stream(wishing(responseBody(modelOf('paced-5')), usage))
    return costIn((await answer.finalResponse()).usage)
  },
  'a message': async (customer) => {
    const answer = await customer.anthropic().messages.create(wishing(messageBody('fast', { text: tags }), usage))
    return costIn(answer.usage)
  },
  'a streamed message': async (customer) => {
    const body = wishing({ ...messageBody('fast', { text: tags }), stream: true as const }, usage)
    const told: unknown[] = []
    for await (const event of await customer.anthropic().messages.create(body)) {
      if (event.type === 'message_delta') told.push(costIn(event.usage))
    }
    return told.at(-1)
  },
  'generated content': async (customer) => {
    const answer = await customer.google().models.generateContent(contentBody(modelOf('fast', 'gemini')))
    return costIn(answer.usageMetadata)
  },
  'streamed content': async (customer) => {
    const told: unknown[] = []
    for await (const chunk of await customer.google().models.generateContentStream(contentBody(modelOf('fast', 'gemini')))) {
      told.push(costIn(chunk.usageMetadata))
    }
    return told.at(-1)
  },
}

/** A body that wishes for something. The clients know no such field, and send it on as it is. */
export function wishing<Body extends object>(body: Body, relay: unknown): Body & { relay: unknown } {
  return { ...body, relay }
}

export function responseBody(model: string) {
  return { model, input: promptOf(tags), max_output_tokens: 256 }
}

function contentBody(model: string) {
  return { model, contents: promptOf(tags), config: { httpOptions: { extraBody: { relay: usage } } } }
}
