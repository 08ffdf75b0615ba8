import type { Prompt } from '../admission/count-tokens.ts'
import type { ResponsesBody } from './openai-responses.ts'
import { contentKeysOf, listOf, memberOf } from './openai-responses-input.ts'
import { textsOf } from './prompt-texts.ts'

/** All of a call that a provider can turn into its prompt, but for images: every text, key and number as it reads. */
export function promptOf({ input, instructions, ...rest }: ResponsesBody): Prompt {
  const spoken = textsOf([input, instructions], imagesOf(listOf(input)))
  const described = textsOf(rest, new Set())
  // Descriptions of tools and schemas are shown to a model as comments, each line behind a mark of its own.
  const comments = described.texts.map((text) => text.replaceAll('\n', '\n// '))
  return { texts: [...spoken.texts, ...comments], frames: spoken.frames + described.frames }
}

function imagesOf(items: readonly unknown[]): ReadonlySet<unknown> {
  const parts = items.flatMap((item) => contentKeysOf(item).flatMap((key) => listOf(memberOf(item, key))))
  return new Set(parts.filter((part) => memberOf(part, 'type') === 'input_image'))
}
