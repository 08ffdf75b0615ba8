import { countWords, tokensPerImage, tokensPerMessage } from '../text.ts'
import type { Content, Part } from './requests.ts'

export type ModalityCount = { modality: 'TEXT' | 'IMAGE' | 'VIDEO' | 'AUDIO' | 'DOCUMENT'; tokenCount: number }

/** Prompt tokens by modality, text first: 3 per content, 1 per word, 8 per file of any kind. */
export function countPrompt(contents: readonly Content[]): ModalityCount[] {
  const text: ModalityCount = { modality: 'TEXT', tokenCount: 0 }
  const found = [text]
  for (const { parts = [] } of contents) {
    text.tokenCount += tokensPerMessage
    for (const part of parts) {
      const modality = modalityOf(part)
      const known = found.find((count) => count.modality === modality)
      const tokens = modality === null ? countWords(part.text ?? JSON.stringify(part)) : tokensPerImage
      if (modality === null) text.tokenCount += tokens
      else if (known) known.tokenCount += tokens
      else found.push({ modality, tokenCount: tokens })
    }
  }
  return found
}

export function sumCounts(counts: readonly ModalityCount[]): number {
  return counts.reduce((sum, count) => sum + count.tokenCount, 0)
}

/** The text that is searched for tags: the last content of the user that has any, since responses of functions stand in the user's name too. */
export function lastUserText(contents: readonly Content[]): string {
  const texts = contents.filter(({ role = 'user' }) => role === 'user').map(textOf)
  return texts.findLast((text) => text !== '') ?? ''
}

function textOf({ parts = [] }: Content): string {
  return parts
    .map(({ text }) => text ?? '')
    .filter((text) => text !== '')
    .join(' ')
}

/** Null for what is text of some kind. */
function modalityOf({ inlineData, fileData }: Part): ModalityCount['modality'] | null {
  const file = inlineData ?? fileData
  if (!file) return null
  const kind = file.mimeType?.split('/', 1)[0]?.toUpperCase()
  if (kind === 'IMAGE' || kind === 'VIDEO' || kind === 'AUDIO') return kind
  return file.mimeType === 'application/pdf' ? 'DOCUMENT' : 'TEXT'
}
