import { z } from 'zod'
import { groundingSearches, groundingTokens, jsonBodyBytes } from '../limits.ts'
import { beginningOf } from './conversation-key.ts'
import { type AnswerForm, type Call, type Dialect, type Incoming, noConversation, type UpstreamAsk } from './dialect.ts'
import { Content, readMedia } from './gemini-parts.ts'
import { promptOf } from './gemini-prompt.ts'
import { readAnswer } from './gemini-usage.ts'
import { hasRepeatedKey, memberText, setMembers } from './json-members.ts'
import { invalidField, type JsonRequest, readJsonRequest } from './json-request.ts'
import { listOf, messageOf, unsupported } from './proto-json.ts'

/** Gemini's `generateContent`, as the reference of its API has it. */
export const geminiGenerate: Dialect<ContentCall> = contentDialect('generateContent', () => 'json')

/** `streamGenerateContent`: server-sent events for who asks for `alt=sse`, as all official clients do, else one array that is written element by element. */
export const geminiStream: Dialect<ContentCall> = contentDialect('streamGenerateContent', ({ searchParams }) =>
  searchParams.get('alt') === 'sse' ? 'events' : 'elements',
)

/** `countTokens`, which nobody pays for. */
export const geminiCountTokens: Dialect<CountCall> = {
  ...commonOf('countTokens'),
  outputLimit: null,
  isFree: true,
  read: readCountCall,
  ask: askCount,
  observe: readAnswer,
  usagePaths: [],
}

function contentDialect(method: string, answerOf: (url: URL) => AnswerForm): Dialect<ContentCall> {
  return {
    ...commonOf(method),
    outputLimit: 'generationConfig.maxOutputTokens',
    read: (incoming) => readContentCall(incoming, answerOf(incoming.url)),
    ask: ({ text, answer }, upstreamModel) => ({
      path: `/v1beta/models/${upstreamModel}:${method}${answer === 'events' ? '?alt=sse' : ''}`,
      headers: {},
      // The path names the model.
      body: setMembers(text, new Map([['model', null]])),
    }),
    promptOf: ({ body }) => promptOf(body),
    observe: readAnswer,
    brokenEvent: (message) => ({ data: JSON.stringify({ error: { code: 502, message, status: 'INTERNAL' } }) }),
    usagePaths: [['usageMetadata']],
  }
}

function commonOf(method: string): Pick<Dialect, 'speaks' | 'family' | 'endpoint' | 'mediaType' | 'maxBodyBytes'> {
  return {
    speaks: 'gemini-content',
    family: 'gemini',
    endpoint: `/v1beta/models/{model}:${method}`,
    mediaType: 'application/json',
    maxBodyBytes: jsonBodyBytes,
  }
}

const Tool = messageOf({ googleSearch: messageOf({ searchTypes: messageOf({ imageSearch: unsupported }).nullish() }).nullish() })

const GenerationConfig = messageOf({
  maxOutputTokens: z.int().min(1).nullish(),
  candidateCount: z.int().min(1).max(8).nullish(),
  responseModalities: listOf(
    z
      .string()
      .toUpperCase()
      .pipe(z.enum(['TEXT', 'IMAGE', 'AUDIO'])),
  ).nullish(),
  // These choose another model, or ask for files beside `responseModalities`.
  routingConfig: unsupported,
  modelSelectionConfig: unsupported,
  responseFormat: listOf(messageOf({ audio: unsupported, image: unsupported, video: unsupported })).nullish(),
})

/** The fields of a request that decide what it may cost; all others go through untouched. */
const ContentRequest = messageOf({
  contents: listOf(Content).refine((contents) => contents.length > 0, 'has no content'),
  systemInstruction: Content.nullish(),
  tools: listOf(Tool).nullish(),
  generationConfig: GenerationConfig.nullish(),
  // What follows would use what others keep in the account that all customers share, keep prompts there, or change the price of a token.
  cachedContent: unsupported,
  store: z.literal(false).nullish(),
  serviceTier: z
    .string()
    .regex(/^(?:unspecified|standard)$/i, 'only the standard tier is sold')
    .nullish(),
})
export type ContentBody = z.infer<typeof ContentRequest>

/** A call of `generateContent` or `streamGenerateContent`, read once. */
export interface ContentCall extends Call {
  /** The body as the client wrote it, and as it reads, in camel case. */
  text: string
  body: ContentBody
}

function readContentCall({ bytes, pathModel }: Incoming, answer: AnswerForm): ContentCall {
  const { text, body, relay } = readOnce(bytes, ContentRequest)
  const { contents, systemInstruction, generationConfig } = body
  const [media, instructed] = [
    readMedia(contents, 'contents'),
    readMedia(systemInstruction ? [systemInstruction] : [], 'systemInstruction'),
  ]
  const searches = searchesOf(body)
  const modalities = new Set(generationConfig?.responseModalities)
  const hasAudio = media.hasAudio || instructed.hasAudio
  const [speaks, draws] = [modalities.has('AUDIO'), modalities.has('IMAGE')]
  const beyondText = searches ? groundingTokens : 0
  return {
    model: pathModel ?? '',
    answer,
    relay,
    bodyBytes: bytes.length,
    inputTokensBound: bytes.length + media.tokensBeyondBytes + instructed.tokensBeyondBytes + beyondText,
    uncountedTokens: media.tokensBound + instructed.tokensBound + beyondText,
    choices: generationConfig?.candidateCount ?? 1,
    maxOutputTokens: generationConfig?.maxOutputTokens ?? null,
    extras: { audio: hasAudio || speaks, ...(searches && { webSearches: groundingSearches }) },
    requires: [
      ...(hasAudio ? (['inputAudioPicos'] as const) : []),
      ...(speaks ? (['outputAudioPicos'] as const) : []),
      ...(draws ? (['outputImagePicos'] as const) : []),
      ...(searches ? (['webSearchNanos'] as const) : []),
    ],
    toldUsage: null,
    conversation: {
      key: () => beginningOf(contents),
      isBound: media.isSigned || instructed.isSigned,
      previousAnswerId: null,
      isStored: false,
    },
    text,
    body,
  }
}

/** Whether the model may search with Google; throws 400 for any other tool of the provider's: it is billed by the piece, or reads without a bound. */
function searchesOf({ tools }: ContentBody): boolean {
  const named = (tools ?? []).flatMap((tool) => Object.entries(tool).flatMap(([name, options]) => (options === null ? [] : name)))
  const other = named.find((name) => name !== 'functionDeclarations' && name !== 'googleSearch')
  if (other !== undefined) throw invalidField('tools', `the tool '${other.slice(0, 64)}' is not supported here`)
  return named.includes('googleSearch')
}

const CountRequest = messageOf({ contents: listOf(Content).nullish(), generateContentRequest: ContentRequest.nullish() })

export interface CountCall extends Call {
  text: string
}

function readCountCall({ bytes, pathModel }: Incoming): CountCall {
  const { text, body, relay } = readOnce(bytes, CountRequest)
  const { contents, generateContentRequest: request } = body
  readMedia(
    [...(contents ?? []), ...(request?.contents ?? []), ...(request?.systemInstruction ? [request.systemInstruction] : [])],
    'contents',
  )
  return {
    model: pathModel ?? '',
    answer: 'json',
    relay,
    bodyBytes: bytes.length,
    inputTokensBound: bytes.length,
    uncountedTokens: 0,
    choices: 1,
    maxOutputTokens: null,
    extras: {},
    requires: [],
    toldUsage: null,
    conversation: noConversation,
    text,
  }
}

/** The request that is counted names the model again, unlike the one that is made. */
function askCount({ text }: CountCall, upstreamModel: string): UpstreamAsk {
  const values = new Map<string, string | null>([['model', null]])
  for (const name of ['generateContentRequest', 'generate_content_request']) {
    const request = memberText(text, name)
    if (request?.trim().startsWith('{'))
      values.set(name, setMembers(request, new Map([['model', JSON.stringify(`models/${upstreamModel}`)]])))
  }
  return { path: `/v1beta/models/${upstreamModel}:countTokens`, headers: {}, body: setMembers(text, values) }
}

/** Reads a body in which no field is given twice: protobuf may read the one that was not bounded. */
function readOnce<Schema extends z.ZodType<object>>(bytes: Uint8Array, schema: Schema): JsonRequest<z.infer<Schema>> {
  const request = readJsonRequest(bytes, schema)
  if (hasRepeatedKey(request.text, request.body)) throw invalidField(undefined, 'a field is given twice')
  return request
}
