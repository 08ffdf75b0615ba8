import { renderWith } from './usage.ts'

/** Formats that are no JSON and so cannot report usage. */
export const textFormats: ReadonlySet<string> = new Set(['text', 'srt', 'vtt'])

/** A transcript in one of OpenAI's formats: one segment as long as the sound. `usage` is the text of its member. */
export function renderTranscript(
  format: string,
  pieces: readonly string[],
  seconds: number,
  granularities: readonly string[],
  usage: string,
): string {
  const text = pieces.join('')
  switch (format) {
    case 'text':
      return `${text}\n`
    case 'srt':
      return `1\n00:00:00,000 --> ${timestamp(seconds, ',')}\n${text}\n\n`
    case 'vtt':
      return `WEBVTT\n\n00:00:00.000 --> ${timestamp(seconds, '.')}\n${text}\n\n`
    case 'diarized_json': {
      const segment = { type: 'transcript.text.segment', id: 'seg_0', start: 0, end: seconds, speaker: 'A', text }
      return renderWith({ task: 'transcribe', duration: seconds, text, segments: [segment] }, usage)
    }
    case 'verbose_json':
      return renderVerbose(pieces, seconds, granularities, usage)
    default:
      return renderWith({ text }, usage)
  }
}

function renderVerbose(pieces: readonly string[], seconds: number, granularities: readonly string[], usage: string): string {
  const text = pieces.join('')
  const quality = { temperature: 0, avg_logprob: -0.25, compression_ratio: 1, no_speech_prob: 0.01 }
  const segment = { id: 0, seek: 0, start: 0, end: seconds, text, tokens: pieces.map((_, index) => index), ...quality }
  const step = seconds / pieces.length
  const words = pieces.map((piece, index) => ({ word: piece.trim(), start: step * index, end: step * (index + 1) }))
  const hasWords = granularities.includes('word')
  const hasSegments = !hasWords || granularities.includes('segment')
  const whole = { task: 'transcribe', language: 'english', duration: seconds, text }
  return renderWith({ ...whole, ...(hasWords ? { words } : {}), ...(hasSegments ? { segments: [segment] } : {}) }, usage)
}

function timestamp(seconds: number, mark: string): string {
  const pad = (value: number): string => String(value).padStart(2, '0')
  return `${pad(Math.floor(seconds / 3_600))}:${pad(Math.floor(seconds / 60) % 60)}:${pad(seconds % 60)}${mark}000`
}
