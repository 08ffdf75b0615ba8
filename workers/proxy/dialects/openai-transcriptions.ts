import { z } from 'zod'
import { audioTokensPerSecond, formBodyBytes, leastAudioBytesPerSecond, mostAudioTokensPerSecond, spokenTokenMs } from '../limits.ts'
import { type Call, type Dialect, type EstimatedText, type Incoming, noConversation } from './dialect.ts'
import { readFormRequest, upstreamForm } from './form-request.ts'
import { invalidField, parsed } from './json-request.ts'
import { brokenEvent } from './openai-events.ts'
import { readTranscript } from './openai-transcriptions-usage.ts'

/** OpenAI's transcriptions, as JSON or events: as plain text and subtitles they report no usage, and so are not sold. */
export const openaiTranscriptions: Dialect<TranscriptionCall> = {
  speaks: 'openai-transcriptions',
  family: 'openai',
  endpoint: '/v1/audio/transcriptions',
  mediaType: 'multipart/form-data',
  maxBodyBytes: formBodyBytes,
  outputLimit: null,
  read: readTranscriptionCall,
  ask: ({ form }, upstreamModel) => ({ path: '/v1/audio/transcriptions', headers: {}, body: upstreamForm(form, upstreamModel) }),
  observe: readTranscript,
  brokenEvent,
  usagePaths: [['usage']],
}

export interface TranscriptionCall extends Call {
  /** The form as the client wrote it. */
  form: FormData
}

const TranscriptionRequest = z.object({
  model: z.string().min(1).max(256),
  response_format: z
    .enum(
      ['json', 'verbose_json', 'diarized_json'],
      'json, verbose_json and diarized_json are sold here, because they report what was used',
    )
    .optional(),
  stream: z.boolean().optional(),
})

async function readTranscriptionCall(incoming: Incoming): Promise<TranscriptionCall> {
  const { form, fields, relay, textBytes, files } = await readFormRequest(incoming, {
    model: 'text',
    response_format: 'text',
    stream: 'boolean',
  })
  const body = parsed(TranscriptionRequest, fields, [])
  const [file, ...others] = files
  if (!file || others.length > 0 || !(form.get('file') instanceof File)) throw invalidField('file', 'expected one file of this name')
  const seconds = Math.ceil(file.size / leastAudioBytesPerSecond)
  const audioTokens = seconds * mostAudioTokensPerSecond
  return {
    model: body.model,
    answer: body.stream ? 'events' : 'json',
    relay,
    bodyBytes: textBytes,
    inputTokensBound: textBytes + audioTokens,
    uncountedTokens: audioTokens,
    choices: 1,
    maxOutputTokens: null,
    extras: { audio: true, audioMs: seconds * 1_000 },
    requires: [],
    toldUsage: null,
    estimate: heard,
    conversation: noConversation,
    form,
  }
}

/** How long somebody spoke who said so much; a file's bytes tell far less, because of all the ways to write sound. */
function heard({ inputTokens, outputTokens }: EstimatedText) {
  const audioMs = outputTokens * spokenTokenMs
  return { inputTokens, inputAudioTokens: Math.ceil((audioMs * audioTokensPerSecond) / 1_000), audioMs, outputTokens }
}
