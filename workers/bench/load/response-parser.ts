/** What a response is made of, in the order in which it arrives. */
export interface ResponseSink {
  head(status: number): void
  /** A piece of the body without its framing; valid only during the call. */
  body(piece: Buffer): void
  end(): void
}

type State = 'head' | 'sized' | 'chunk-size' | 'chunk' | 'chunk-end' | 'trailer'

const lineEnd = '\r\n'
const headEnd = '\r\n\r\n'
/** A head or line longer than this means the parser has lost its place. */
const longestHead = 65_536

/**
 * Reads HTTP/1.1 responses off a keep-alive connection, however TCP cuts them: bodies with a length or in chunks. Anything else throws, because
 * its end could only be guessed, and a benchmark must know that it was given the whole answer.
 */
export class ResponseParser {
  readonly #sink: ResponseSink
  #state: State = 'head'
  /** The head or line read so far; Latin-1, so that one character is one byte. */
  #text = ''
  /** Bytes left of the body, of the chunk or of its line end. */
  #left = 0

  constructor(sink: ResponseSink) {
    this.#sink = sink
  }

  /** Whether the connection is between two responses, where it may end without anything being lost. */
  get isIdle(): boolean {
    return this.#state === 'head' && this.#text === ''
  }

  push(bytes: Buffer): void {
    let offset = 0
    while (offset < bytes.length) {
      if (this.#state === 'sized' || this.#state === 'chunk') offset = this.#takeBody(bytes, offset)
      else if (this.#state === 'chunk-end') offset = this.#skip(bytes, offset)
      else offset = this.#takeText(bytes, offset)
    }
  }

  #takeBody(bytes: Buffer, offset: number): number {
    const end = Math.min(bytes.length, offset + this.#left)
    this.#left -= end - offset
    this.#sink.body(bytes.subarray(offset, end))
    if (this.#left > 0) return end
    if (this.#state === 'sized') this.#finish()
    else {
      this.#state = 'chunk-end'
      this.#left = lineEnd.length
    }
    return end
  }

  #skip(bytes: Buffer, offset: number): number {
    const end = Math.min(bytes.length, offset + this.#left)
    this.#left -= end - offset
    if (this.#left === 0) this.#state = 'chunk-size'
    return end
  }

  /** Takes bytes up to the end of the head or line; its mark may be cut anywhere. */
  #takeText(bytes: Buffer, offset: number): number {
    const mark = this.#state === 'head' ? headEnd : lineEnd
    const found = this.#findMark(mark, bytes, offset)
    if (found === null) {
      this.#text += bytes.toString('latin1', offset)
      if (this.#text.length > longestHead) throw new Error('an HTTP head or line does not end')
      return bytes.length
    }
    const text = found >= offset ? this.#text + bytes.toString('latin1', offset, found) : this.#text.slice(0, found - offset)
    this.#text = ''
    if (this.#state === 'head') this.#readHead(text)
    else if (this.#state === 'chunk-size') this.#readChunkSize(text)
    else if (text === '') this.#finish()
    return found + mark.length
  }

  /** Where the mark begins; before `offset`, even below zero, when its first bytes came with an earlier push. */
  #findMark(mark: string, bytes: Buffer, offset: number): number | null {
    if (this.#text !== '') {
      const before = this.#text.slice(1 - mark.length)
      const across = (before + bytes.toString('latin1', offset, offset + mark.length - 1)).indexOf(mark)
      if (across !== -1) return offset + across - before.length
    }
    const within = bytes.indexOf(mark, offset, 'latin1')
    return within === -1 ? null : within
  }

  #readHead(head: string): void {
    const status = /^HTTP\/1\.1 (\d{3})/.exec(head)?.[1]
    if (status === undefined) throw new Error(`not an HTTP/1.1 response: ${head.slice(0, 80)}`)
    const length = /\r\ncontent-length: *(\d+)/i.exec(head)?.[1]
    const isChunked = /\r\ntransfer-encoding: *chunked/i.test(head)
    if ((length === undefined) === !isChunked) throw new Error(`a response needs a length or chunks: ${head.slice(0, 400)}`)
    this.#sink.head(Number(status))
    this.#left = Number(length ?? 0)
    this.#state = isChunked ? 'chunk-size' : 'sized'
    if (!isChunked && this.#left === 0) this.#finish()
  }

  #readChunkSize(line: string): void {
    const size = /^([0-9a-f]{1,8})\s*(?:;.*)?$/i.exec(line)?.[1]
    if (size === undefined) throw new Error(`not the size of a chunk: ${line.slice(0, 80)}`)
    this.#left = Number.parseInt(size, 16)
    this.#state = this.#left === 0 ? 'trailer' : 'chunk'
  }

  #finish(): void {
    this.#state = 'head'
    this.#sink.end()
  }
}
