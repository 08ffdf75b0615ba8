import { joinBytes } from '#shared/values/bytes.ts'
import type { Splitter } from './stream-form.ts'

const quote = 34
const openBracket = 91
const backslash = 92
const closeBracket = 93
const openBrace = 123
const closeBrace = 125

/**
 * Cuts a JSON array that is written element by element, such as Gemini's stream, into parts of one object each. What stands before an object belongs to
 * its part: the array's own bracket, a comma, white space. A chunk may end anywhere, also behind a backslash. Chunks are kept as views, not copied.
 */
export class ElementSplitter implements Splitter {
  #parts: Uint8Array[] = []
  #depth = 0
  #isInString = false
  #isEscaped = false

  get pending(): Uint8Array {
    return joinBytes(this.#parts)
  }

  /** Nobody can say it of a chunk without looking at all of it. */
  isWhole(): boolean {
    return false
  }

  feed(chunk: Uint8Array): Uint8Array[] {
    const elements: Uint8Array[] = []
    let start = 0
    for (const [at, byte] of chunk.entries()) {
      if (!this.#endsElement(byte)) continue
      elements.push(joinBytes([...this.#parts, chunk.subarray(start, at + 1)]))
      this.#parts = []
      start = at + 1
    }
    if (start < chunk.length) this.#parts.push(chunk.subarray(start))
    return elements
  }

  #endsElement(byte: number): boolean {
    if (this.#isEscaped) this.#isEscaped = false
    else if (byte === backslash) this.#isEscaped = this.#isInString
    else if (byte === quote) this.#isInString = !this.#isInString
    else if (!this.#isInString) return this.#closesElement(byte)
    return false
  }

  /** The outermost array is not counted: its elements begin and end at depth zero. */
  #closesElement(byte: number): boolean {
    if (byte === openBrace || (byte === openBracket && this.#depth > 0)) this.#depth += 1
    if (this.#depth === 0 || (byte !== closeBrace && byte !== closeBracket)) return false
    this.#depth -= 1
    return this.#depth === 0
  }
}

/** The JSON text of a part's object, and what stands before it; null when there is none. */
export function elementOf(part: Uint8Array): { before: string; data: string } | null {
  const text = decoder.decode(part)
  const at = text.indexOf('{')
  return at === -1 ? null : { before: text.slice(0, at), data: text.slice(at) }
}

const decoder = new TextDecoder()
