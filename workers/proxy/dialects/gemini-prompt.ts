import type { Prompt } from '../admission/count-tokens.ts'
import type { ContentBody } from './gemini-content.ts'
import { blobsOf } from './gemini-parts.ts'
import { textsOf } from './prompt-texts.ts'

/** All of a call that Gemini can turn into its prompt, but for files, which have bounds of their own. */
export function promptOf({ contents, systemInstruction, ...rest }: ContentBody): Prompt {
  const spoken = systemInstruction ? [systemInstruction, ...contents] : contents
  const { texts, frames } = textsOf([spoken, rest], new Set(blobsOf(spoken)))
  // Descriptions of functions are shown to a model as comments, each line behind a mark of its own; in a text the marks only add to the count.
  return { texts: texts.map((text) => text.replaceAll('\n', '\n// ')), frames }
}
