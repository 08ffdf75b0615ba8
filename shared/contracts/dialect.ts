import { z } from 'zod'

/** Whose clients a request comes from: it decides the form of errors, rate-limit headers and model lists. */
export const Family = z.enum(['openai', 'anthropic', 'gemini'])
export type Family = z.infer<typeof Family>

/** What a route can speak. A request is relayed in its own dialect, never translated. */
export const DialectName = z.enum([
  'openai-chat',
  'openai-responses',
  'openai-embeddings',
  'openai-images',
  'openai-speech',
  'openai-transcriptions',
  'openai-moderations',
  'anthropic-messages',
  'gemini-content',
  'gemini-embeddings',
])
export type DialectName = z.infer<typeof DialectName>

/** Where each dialect is spoken, for a client that asked a model elsewhere. */
export const endpointsOf: Record<DialectName, string> = {
  'openai-chat': 'POST /v1/chat/completions',
  'openai-responses': 'POST /v1/responses',
  'openai-embeddings': 'POST /v1/embeddings',
  'openai-images': 'POST /v1/images/generations and /v1/images/edits',
  'openai-speech': 'POST /v1/audio/speech',
  'openai-transcriptions': 'POST /v1/audio/transcriptions',
  'openai-moderations': 'POST /v1/moderations',
  'anthropic-messages': 'POST /v1/messages',
  'gemini-content': 'POST /v1beta/models/{model}:generateContent',
  'gemini-embeddings': 'POST /v1beta/models/{model}:embedContent',
}

/** How an upstream takes its key and words its errors. */
export const UpstreamKind = z.enum(['openai', 'anthropic', 'gemini', 'cliproxyapi'])
export type UpstreamKind = z.infer<typeof UpstreamKind>

/** What a model is for. */
export const ModelKind = z.enum(['chat', 'embeddings', 'images', 'speech', 'transcription', 'moderation'])
export type ModelKind = z.infer<typeof ModelKind>
