import type { Prompt } from '../count-tokens.ts'
import type { ChatBody } from './openai-chat.ts'

/**
 * All of a call that a provider can turn into its prompt, but for images: every text, key and number as it reads. Each member of an object and each
 * element of a list is a frame: around a message, a tool, a property or one value of an enum stand at most so many tokens of the provider's own.
 * Does not recurse, so depth does not matter.
 */
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

/** The texts of any JSON, and how many members and elements it has; what is in `images` is left out. */
export function textsOf(root: unknown, images: ReadonlySet<unknown>): { texts: string[]; frames: number } {
  const texts: string[] = []
  let frames = 0
  const left = [root]
  while (left.length > 0) {
    const value = left.pop()
    if (typeof value !== 'object' || value === null) texts.push(String(value))
    else if (!images.has(value)) {
      for (const [key, inner] of Object.entries(value)) {
        frames += 1
        if (!Array.isArray(value)) texts.push(key)
        left.push(inner)
      }
    }
  }
  return { texts, frames }
}
