import { z } from 'zod'
import { ApiError } from '#workers/edge/api-error.ts'
import { formBodyBytes, imageTokens, smallBodyBytes } from '../limits.ts'
import { type Call, type Dialect, noConversation } from './dialect.ts'
import { readFormRequest, upstreamForm } from './form-request.ts'
import { setMembers } from './json-members.ts'
import { invalidField, parsed, readJsonRequest } from './json-request.ts'
import { brokenEvent } from './openai-events.ts'
import { readImages } from './openai-images-usage.ts'

const shared = {
  speaks: 'openai-images',
  family: 'openai',
  outputLimit: null,
  observe: readImages,
  brokenEvent,
  usagePaths: [['usage']],
} as const

/** OpenAI's images from a text. */
export const imageGenerations: Dialect<ImageCall<string>> = {
  ...shared,
  endpoint: '/v1/images/generations',
  mediaType: 'application/json',
  maxBodyBytes: smallBodyBytes,
  read({ bytes }) {
    const { text, body, relay } = readJsonRequest(bytes, ImageRequest)
    return { ...imageCall(body, { textBytes: bytes.length, files: 0 }), relay, sent: text }
  },
  ask: ({ sent }, upstreamModel) => ({
    path: '/v1/images/generations',
    headers: {},
    body: setMembers(sent, new Map([['model', JSON.stringify(upstreamModel)]])),
  }),
}

/** OpenAI's images from others, sent as files of a form. */
export const imageEdits: Dialect<ImageCall<FormData>> = {
  ...shared,
  endpoint: '/v1/images/edits',
  mediaType: 'multipart/form-data',
  maxBodyBytes: formBodyBytes,
  async read(incoming) {
    const { form, fields, relay, textBytes, files } = await readFormRequest(incoming, editFields)
    // The form's own way to write the member of an object.
    if ([...form.keys()].some((name) => name.startsWith('svg'))) throw invalidField('svg', notPixels)
    return { ...imageCall(parsed(ImageRequest, fields, []), { textBytes, files: files.length }), relay, sent: form }
  },
  ask: ({ sent }, upstreamModel) => ({ path: '/v1/images/edits', headers: {}, body: upstreamForm(sent, upstreamModel) }),
}

export interface ImageCall<Sent> extends Call {
  /** The request as the client wrote it. */
  sent: Sent
}

const notPixels = 'only png, jpeg and webp are sold here'

/** The fields that decide what images may cost; all others go through untouched. */
const ImageRequest = z.looseObject({
  model: z.string().min(1).max(256),
  prompt: z.string().min(1),
  n: z.int().min(1).max(10).nullish(),
  stream: z.boolean().nullish(),
  partial_images: z.int().min(0).max(3).nullish(),
  // A drawing is billed by a second model, and no count of an animation's frames is one of its tokens.
  output_format: z.enum(['png', 'jpeg', 'webp'], notPixels).nullish(),
  svg: z.undefined(notPixels).optional(),
})

const editFields = {
  model: 'text',
  prompt: 'text',
  n: 'number',
  stream: 'boolean',
  partial_images: 'number',
  output_format: 'text',
} as const

function imageCall(body: z.infer<typeof ImageRequest>, { textBytes, files }: { textBytes: number; files: number }): Omit<Call, 'relay'> {
  const images = body.n ?? 1
  const isStream = body.stream ?? false
  if (isStream && images > 1) {
    throw new ApiError('invalid_request', { param: 'n', message: 'One image can be streamed: send n of 1, or no stream.' })
  }
  return {
    model: body.model,
    answer: isStream ? 'events' : 'json',
    bodyBytes: textBytes,
    inputTokensBound: textBytes + imageTokens * files,
    uncountedTokens: imageTokens * files,
    // What is shown on the way has 100 tokens each, 300 at most: fewer than one more image.
    choices: images + (body.partial_images ? 1 : 0),
    maxOutputTokens: null,
    extras: { images },
    requires: [],
    toldUsage: null,
    estimate: ({ inputTokens, outputTokens }) => ({ inputTokens, outputTokens: 0, outputImageTokens: outputTokens }),
    conversation: noConversation,
  }
}
