import type { Prompt } from '../admission/count-tokens.ts'
import type { ChatBody } from './openai-chat.ts'
import { textsOf } from './prompt-texts.ts'

/** All of a call that a provider can turn into its prompt, but for images: every text, key and number as it reads. */
export function promptOf(body: ChatBody): Prompt {
  const { messages, ...rest } = body
  const spoken = textsOf(messages, imagesOf(messages))
  const described = textsOf(rest, new Set())
  // Descriptions of tools and schemas are shown to a model as comments, each line behind a mark of its own.
  const comments = described.texts.map((text) => text.replaceAll('\n', '\n// '))
  return { texts: [...spoken.texts, ...comments], frames: spoken.frames + described.frames }
}

function imagesOf(messages: readonly unknown[]): ReadonlySet<unknown> {
  const contents = messages.map((message) => memberOf(message, 'content')).filter((content) => Array.isArray(content))
  return new Set(contents.flat().filter((part) => memberOf(part, 'type') === 'image_url'))
}

function memberOf(value: unknown, key: string): unknown {
  return typeof value === 'object' && value !== null ? Reflect.get(value, key) : undefined
}
