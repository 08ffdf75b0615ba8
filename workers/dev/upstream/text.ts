import { hash } from 'node:crypto'

/** What a tag in the last user message asks of the answer; absent tags are null. */
export type Tags = {
  tokens: number | null
  cached: number
  /** Parts of the prompt and of the output that count as audio. */
  audioIn: number
  audioOut: number
  reasoning: number
  /** Least length of the answer's text in bytes; words are stretched to reach it. */
  textBytes: number
  tool: boolean
}

export type WordStyle = 'plain' | 'unicode' | 'huge' | 'blank'

/** Without a tag and without a cap an answer is this long. */
export const defaultTokens = 32
// More than any real model puts out at once, and a stream of it still fits this process.
const maxTokens = 200_000
const maxTextBytes = 32 * 1024 * 1024
export const hugeWordBytes = 16 * 1024 * 1024
export const tokensPerMessage = 3
// An image part's JSON is longer than this, so the count stays below the body's bytes.
export const tokensPerImage = 8

const noTags: Tags = { tokens: null, cached: 0, audioIn: 0, audioOut: 0, reasoning: 0, textBytes: 0, tool: false }

const plainWords =
  'amber anchor apple arrow autumn basin beacon birch border branch bridge bright bronze canyon carbon castle cedar circle clover copper ' +
  'coral cotton crater crystal delta desert dragon echo ember engine falcon feather fern field flame forest frost garden glacier granite ' +
  'harbor hazel helium horizon island ivory jasper jungle kernel lantern lattice lemon linen magnet maple marble meadow mercury meteor ' +
  'mirror mountain nebula needle nickel north ocean olive orbit orchid oxygen paper pebble pepper pioneer planet plasma prairie prism ' +
  'quartz radar rapid raven river rocket saffron sail salmon sand saturn shadow signal silver slate solar spark spiral spring static ' +
  'stone storm summit sunset teal thunder timber torch tunnel turbine valley velvet violet walnut water willow winter yellow zenith zinc'
const plain = plainWords.split(' ')
const unicode = ['naïve', '日本語', '🚀', 'Ωμέγα', 'привет', '🇨🇭', 'e\u0301te\u0301', '한국어', 'שלום', '👩‍🚀', 'ﬁn', '𝛑', 'ñandú', '数据']

/** A 32-bit seed that is a pure function of the text. */
export function seedOf(text: string): number {
  return Number.parseInt(hash('sha1', text, 'hex').slice(0, 8), 16)
}

/** An endless deterministic sequence of 32-bit numbers (xorshift32). */
export function numbersFrom(seed: number): () => number {
  let state = seed | 0 || 0x9e3779b9
  return () => {
    state ^= state << 13
    state ^= state >>> 17
    state ^= state << 5
    return state >>> 0
  }
}

/** Bytes as a pure function of the seed, behind the marks by which a format is known. */
export function generateBytes(seed: number, size: number, marks: readonly number[]): Buffer {
  const next = numbersFrom(seed)
  const words = Uint32Array.from({ length: Math.ceil(size / 4) }, next)
  const bytes = Buffer.from(words.buffer, 0, size)
  bytes.set(marks.slice(0, size))
  return bytes
}

/** `count` pieces of text, one token each; all but the first begin with the space that separates words. */
export function generatePieces(seed: number, count: number, style: WordStyle, textBytes = 0): string[] {
  if (style === 'blank' || count === 0) return []
  const words = style === 'unicode' ? unicode : plain
  const next = numbersFrom(seed)
  const wordLength = textBytes > 0 ? Math.ceil(textBytes / count) : 0
  const pieces = new Array<string>(count)
  for (let index = 0; index < count; index += 1) {
    const word = words[next() % words.length] ?? ''
    const piece = index === 0 ? word : ` ${word}`
    pieces[index] = piece.length < wordLength ? piece.padEnd(wordLength, word) : piece
  }
  if (style === 'huge') pieces[count >> 1] = ` ${'m'.repeat(hugeWordBytes)}`
  return pieces
}

/** Words are runs of characters above U+0020; each run takes at least a byte of the body, so tokens never pass its bytes. */
export function countWords(text: string): number {
  let words = 0
  let inside = false
  for (let index = 0; index < text.length; index += 1) {
    const printing = text.charCodeAt(index) > 32
    if (printing && !inside) words += 1
    inside = printing
  }
  return words
}

export type CountedPart = { type: string; text?: string | undefined; refusal?: string | undefined }
export type CountedMessage = { role: string; content?: string | CountedPart[] | null | undefined }

/** Prompt tokens: 3 per message, 1 per word of its text, 8 per image. */
export function countPromptTokens(messages: readonly CountedMessage[]): number {
  let tokens = 0
  for (const { content } of messages) {
    tokens += tokensPerMessage
    if (typeof content === 'string') tokens += countWords(content)
    else for (const part of content ?? []) tokens += part.type === 'image_url' ? tokensPerImage : countWords(textOf(part))
  }
  return tokens
}

function textOf(part: CountedPart): string {
  return part.text ?? part.refusal ?? ''
}

/** The text that is searched for tags: the last message of the user. */
export function lastUserText(messages: readonly CountedMessage[]): string {
  for (let index = messages.length - 1; index >= 0; index -= 1) {
    const message = messages[index]
    if (message?.role !== 'user') continue
    if (typeof message.content === 'string') return message.content
    return (message.content ?? []).map(textOf).join(' ')
  }
  return ''
}

/** The number in `[name=N]`, or null where there is no such tag. */
export function readNumberTag(text: string, name: string): number | null {
  const found = new RegExp(`\\[${name}=(\\d{1,9})\\]`).exec(text)
  return found ? Number(found[1]) : null
}

export function readTags(text: string): Tags {
  if (!text.includes('[')) return noTags
  const number = (name: string): number | null => readNumberTag(text, name)
  const tokens = number('tokens')
  return {
    tokens: tokens === null ? null : Math.min(tokens, maxTokens),
    cached: number('cached') ?? 0,
    audioIn: number('audio-in') ?? 0,
    audioOut: number('audio-out') ?? 0,
    reasoning: Math.min(number('reasoning') ?? 0, maxTokens),
    textBytes: Math.min(number('bytes') ?? 0, maxTextBytes),
    tool: text.includes('[tool]'),
  }
}

/** The embedding of a text: a unit vector, as the real ones are. */
export function makeVector(seed: number, dimensions: number): Float32Array {
  const next = numbersFrom(seed)
  const vector = Float32Array.from({ length: dimensions }, () => next() / 0x80000000 - 1)
  const length = Math.hypot(...vector)
  return vector.map((value) => value / length)
}
