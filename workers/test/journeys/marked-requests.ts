import { modelOf } from './catalogue.ts'
import { canary, promptOf } from './conversation.ts'
import type { Customer } from './customers.ts'

/** Stretches the words of an answer, so that a word of it stands in no other text. */
const stretched = '[tokens=8][bytes=400]'

/** A file of which the beginning of its base64 is known as well: providers are sent files in either form. */
const marks = Buffer.from(`${canary} `.repeat(60))
export const markedBase64 = marks.toString('base64').slice(0, 80)

/** One request whose every text is marked with the canary. */
export type MarkedRequest = (customer: Customer) => Promise<Response>

/** Every wish of a client that is a text, where it changes nothing. */
const relay = { session: canary, providers: { order: [canary], ignore: [canary] } }

let requests = 0

function send(path: string, body: string | FormData, more: Record<string, string> = {}): MarkedRequest {
  requests += 1
  const headers: Record<string, string> = { 'idempotency-key': `${canary}-${requests}`, 'x-custom': canary, cookie: canary, ...more }
  return async (customer) => {
    // The type of a form has a boundary, which only the form itself knows.
    const written = new Response(body)
    const type = typeof body === 'string' ? {} : { 'content-type': written.headers.get('content-type') ?? '' }
    return customer.send(path, { method: 'POST', body: await written.arrayBuffer(), headers: { ...type, ...headers } })
  }
}

const json = (path: string, body: object): MarkedRequest => send(path, JSON.stringify(body))

function form(path: string, fields: Record<string, string | File>): MarkedRequest {
  const body = new FormData()
  for (const [name, value] of Object.entries(fields)) body.append(name, value)
  return send(path, body)
}

const image = { type: 'image_url', image_url: { url: `data:image/png;base64,${marks.toString('base64')}` } }
const markedFile = (name: string, type: string) => new File([marks], `${canary}-${name}`, { type })
const tool = { description: canary, parameters: { type: 'object', properties: { [canary]: { type: 'string', description: canary } } } }

/** A conversation in each dialect, whole and streamed. */
const chats: Record<string, (behaviour: string, more?: object) => MarkedRequest[]> = {
  chat: (behaviour, more) => {
    const content = [{ type: 'text', text: promptOf(stretched) }]
    const messages = [
      { role: 'system', content: canary },
      { role: 'user', content },
    ]
    const known = {
      user: canary,
      metadata: { note: canary },
      prompt_cache_key: canary,
      tools: [{ type: 'function', function: { name: 'f', ...tool } }],
    }
    const body = { model: modelOf(behaviour), max_tokens: 256, messages, relay, ...known, ...more }
    return [body, { ...body, stream: true }].map((each) => json('/v1/chat/completions', each))
  },
  responses: (behaviour, more) => {
    const known = { instructions: canary, user: canary, metadata: { note: canary }, prompt_cache_key: canary }
    const body = { model: modelOf(behaviour), max_output_tokens: 256, input: promptOf(stretched), relay, ...known, ...more }
    return [body, { ...body, stream: true }].map((each) => json('/v1/responses', each))
  },
  messages: (behaviour, more) => {
    const messages = [{ role: 'user', content: promptOf(stretched) }]
    const known = {
      system: canary,
      metadata: { user_id: canary },
      tools: [{ name: 'f', description: canary, input_schema: tool.parameters }],
    }
    const body = { model: modelOf(behaviour, 'claude'), max_tokens: 256, messages, relay, ...known, ...more }
    return [body, { ...body, stream: true }].map((each) => json('/v1/messages', each))
  },
  gemini: (behaviour, more) => {
    const contents = [{ role: 'user', parts: [{ text: promptOf(stretched) }] }]
    const body = { contents, systemInstruction: { parts: [{ text: canary }] }, relay, ...more }
    const path = `/v1beta/models/${modelOf(behaviour, 'gemini')}`
    const calls = ['generateContent', 'streamGenerateContent', 'streamGenerateContent?alt=sse']
    return calls.map((call) => json(`${path}:${call}`, body))
  },
}

const played = ['fast', 'no-usage', 'break', 'error-first', 'error-mid', 'error-400', 'error-401', 'error-503', 'rate-limited-1']

/** Every conversation: answered, broken, and refused by the upstream. */
export function markedChats(): MarkedRequest[] {
  return Object.values(chats).flatMap((chat) => played.flatMap((behaviour) => chat(behaviour)))
}

/** Every other endpoint, answered and broken. */
export function markedMedia(): MarkedRequest[] {
  const text = () => promptOf(stretched)
  const counted = { model: modelOf('fast', 'claude'), messages: [{ role: 'user', content: text() }], system: canary }
  const content = { parts: [{ text: text() }] }
  const gemini = '/v1beta/models/gemini-relay'
  return [
    json('/v1/messages/count_tokens', counted),
    json(`${gemini}-fast:countTokens`, { contents: [content] }),
    json(`${gemini}-embedding:embedContent`, { content }),
    json(`${gemini}-embedding:batchEmbedContents`, { requests: [{ model: 'models/gemini-relay-embedding', content }] }),
    json('/v1/chat/completions', {
      model: modelOf('fast'),
      max_tokens: 256,
      messages: [{ role: 'user', content: [{ type: 'text', text: text() }, image] }],
    }),
    ...['fast', 'break', 'error-first', 'rate-limited-1'].flatMap((behaviour) => {
      const ofModel = (name: string, fields: object) => ({ model: `${name}-scripted-${behaviour}`, relay, ...fields })
      const formOf = (name: string, fields: Record<string, string | File>) => ({
        model: `${name}-scripted-${behaviour}`,
        relay: JSON.stringify(relay),
        ...fields,
      })
      const edit = () => formOf('gpt-image', { prompt: text(), user: canary, image: markedFile('fox.png', 'image/png') })
      const transcription = () => formOf('gpt-transcribe', { prompt: text(), file: markedFile('talk.mp3', 'audio/mpeg') })
      return [
        json('/v1/embeddings', ofModel('gpt-embedding', { input: [text(), canary], user: canary })),
        json('/v1/images/generations', ofModel('gpt-image', { prompt: text(), user: canary })),
        json('/v1/images/generations', ofModel('gpt-image', { prompt: text(), stream: true, partial_images: 1 })),
        form('/v1/images/edits', edit()),
        form('/v1/images/edits', { ...edit(), stream: 'true' }),
        json('/v1/audio/speech', ofModel('tts-1', { input: text(), voice: 'ash' })),
        json('/v1/audio/speech', ofModel('gpt-tts', { input: text(), voice: 'ash', instructions: canary, stream_format: 'sse' })),
        form('/v1/audio/transcriptions', transcription()),
        form('/v1/audio/transcriptions', { ...transcription(), stream: 'true' }),
        form('/v1/audio/transcriptions', { ...transcription(), response_format: 'verbose_json' }),
        json('/v1/moderations', ofModel('omni-moderation', { input: text() })),
      ]
    }),
  ]
}

const jsonPaths = [
  'chat/completions',
  'responses',
  'messages',
  'messages/count_tokens',
  'embeddings',
  'images/generations',
  'audio/speech',
  'moderations',
]

/** What is refused on the way, by us or by an upstream that does not know a field, by the status that tells where. */
export function markedRefusals(): { status: number; request: MarkedRequest }[] {
  const conversing = (more: object) => Object.values(chats).flatMap((chat) => chat('fast', more))
  const large = JSON.stringify({ model: modelOf('fast'), messages: [{ role: 'user', content: `${canary} `.repeat(1_400_000) }] })
  const gemini = '/v1beta/models/gemini-relay-fast:generateContent'
  const jsonAddresses = [...jsonPaths.map((path) => `/v1/${path}`), gemini]
  const addresses = [...jsonAddresses, '/v1/images/edits', '/v1/audio/transcriptions']
  const byStatus: Record<number, MarkedRequest[]> = {
    400: [
      ...conversing({ [canary]: canary }),
      ...conversing({ relay: { [canary]: canary } }),
      ...conversing({ relay: { regions: [canary] } }),
      json('/v1/responses', { model: modelOf('fast'), input: promptOf(), previous_response_id: canary }),
      ...jsonAddresses.map((address) => send(address, `{"model":"${canary}","relay":"${canary}`)),
    ],
    401: addresses.map((address) => send(address, canary, { authorization: `Bearer ${canary}` })),
    404: [
      ...conversing({ relay: { models: [canary] } }),
      ...jsonPaths.map((path) => json(`/v1/${path}`, unknownModelAt(path))),
      form('/v1/images/edits', { model: canary, prompt: canary, image: markedFile('fox.png', 'image/png') }),
      form('/v1/audio/transcriptions', { model: canary, file: markedFile('talk.mp3', 'audio/mpeg') }),
      // Not in the path itself: the platform keeps the address of every request.
      json('/v1beta/models/gemini-unheard-of:generateContent', { contents: [{ parts: [{ text: canary }] }] }),
      send('/v1/chat/completions/more', canary),
    ],
    413: [send('/v1/chat/completions', large), send('/v1/embeddings', large.slice(0, 5_000_000))],
    415: addresses.map((address) => send(address, canary, { 'content-type': `text/${canary}` })),
  }
  return Object.entries(byStatus).flatMap(([status, all]) => all.map((request) => ({ status: Number(status), request })))
}

/** A body that is right but for its model. */
function unknownModelAt(path: string): object {
  const conversation = { max_tokens: 5, messages: [{ role: 'user', content: canary }] }
  const bodies: Record<string, object> = {
    'chat/completions': conversation,
    messages: conversation,
    'messages/count_tokens': { messages: conversation.messages },
    'images/generations': { prompt: canary },
    'audio/speech': { input: canary, voice: 'ash' },
  }
  return { model: canary, ...(bodies[path] ?? { input: canary }) }
}
