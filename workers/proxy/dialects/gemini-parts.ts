import { z } from 'zod'
import { imageTokens } from '../limits.ts'
import { invalidField } from './json-request.ts'
import { listOf, messageOf, unsupported } from './proto-json.ts'

const Blob = messageOf({ mimeType: z.string().max(256), data: z.string() })
export type Blob = z.infer<typeof Blob>

const Part = messageOf({
  inlineData: Blob.nullish(),
  functionResponse: messageOf({ parts: listOf(messageOf({ inlineData: Blob.nullish() })).nullish() }).nullish(),
  mediaResolution: messageOf({ numTokens: unsupported }).nullish(),
  thoughtSignature: z.string().nullish(),
})

/** Gemini's `Content`: a turn of the conversation, or the system instruction. */
export const Content = messageOf({ parts: listOf(Part).nullish() })
export type Content = z.infer<typeof Content>

/** What of a prompt is not plain text. */
export interface Media {
  /** No such files have more tokens than this. */
  tokensBound: number
  /** What of that bound the body's own bytes do not cover. */
  tokensBeyondBytes: number
  hasAudio: boolean
  /** A part carries a thought signature, which only the account that made it accepts. */
  isSigned: boolean
}

/** Reads the parts of contents; refuses those whose tokens nothing bounds, such as a file named by address. `at` is where the contents stand. */
export function readMedia(contents: readonly Content[], at: string): Media {
  const media: Media = { tokensBound: 0, tokensBeyondBytes: 0, hasAudio: false, isSigned: false }
  for (const [index, { parts }] of contents.entries()) {
    for (const [position, part] of (parts ?? []).entries()) {
      const where = `${at}.${index}.parts.${position}`
      refuseOthers(part, boundedData, where)
      media.isSigned ||= typeof part.thoughtSignature === 'string'
      if (part.inlineData) addBlob(media, part.inlineData, where)
      for (const inner of part.functionResponse?.parts ?? []) {
        refuseOthers(inner, innerData, `${where}.functionResponse.parts`)
        if (inner.inlineData) addBlob(media, inner.inlineData, where)
      }
    }
  }
  return media
}

/** The files in the parts of contents. */
export function blobsOf(contents: readonly Content[]): Blob[] {
  return contents.flatMap(({ parts }) =>
    (parts ?? []).flatMap((part) =>
      [part.inlineData, ...(part.functionResponse?.parts ?? []).map(({ inlineData }) => inlineData)].flatMap((blob) => blob ?? []),
    ),
  )
}

function addBlob(media: Media, { mimeType, data }: Blob, where: string): void {
  const kind = mimeType.split(';', 1)[0]?.trim().toLowerCase() ?? ''
  if (images.has(kind)) {
    media.tokensBound += imageTokens
    media.tokensBeyondBytes += imageTokens
  } else if (sounds.has(kind) || kind.startsWith('text/')) {
    media.tokensBound += data.length
    media.hasAudio ||= sounds.has(kind)
  } else throw invalidField(where, `a file of type '${kind.slice(0, 64)}' is not supported here`)
}

function refuseOthers(part: object, bounded: ReadonlySet<string>, where: string): void {
  const other = Object.entries(part).find(([name, value]) => value !== null && value !== undefined && !bounded.has(name))
  if (other) throw invalidField(where, `a part with '${other[0].slice(0, 64)}' is not supported here`)
}

/** Data of a part whose tokens are fewer than its bytes, or are counted. `fileData` is in our account, or on YouTube, and as long as it likes. */
const boundedData = new Set([
  'text',
  'thought',
  'thoughtSignature',
  'inlineData',
  'functionCall',
  'functionResponse',
  'executableCode',
  'codeExecutionResult',
  'toolCall',
  'toolResponse',
  'partMetadata',
  'mediaResolution',
])
const innerData = new Set(['inlineData'])

const images = new Set(['image/png', 'image/jpeg', 'image/webp', 'image/heic', 'image/heif'])

/**
 * A second of sound is 32 tokens, and more bytes than that in these. In FLAC and Ogg a second of silence takes hardly any, a page of a PDF likewise, and
 * of a video a second is 300 tokens: all of them are refused.
 */
const sounds = new Set(['audio/wav', 'audio/x-wav', 'audio/mp3', 'audio/mpeg', 'audio/aac', 'audio/aiff', 'audio/x-aiff'])
