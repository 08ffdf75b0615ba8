import { faultsIn } from '../fault.ts'

const testsOf = (name: string) => [`workers/proxy/dialects/${name}.test.ts`]

/** What images, sound and forms may cost, and what they used. */
export const media = [
  ...faultsIn(
    'workers/proxy/admission/settlement.ts',
    ['workers/proxy/admission/settlement-by-the-piece.test.ts'],
    [
      {
        promise: 'what is sold by the piece is charged by the piece, whatever tokens are reported',
        find: 'if (told && hasCost(told, price))',
        replace: 'if (told && !reading.usage && hasCost(told, price))',
      },
      {
        promise: 'nothing delivered is no piece',
        find: 'reading.deliveredBytes > 0 ? (call.toldUsage',
        replace: 'reading.deliveredBytes >= 0 ? (call.toldUsage',
      },
      {
        promise: 'sound and images are output',
        find: 'isBlank && outputTokensOf(reported) === 0',
        replace: 'isBlank && !reported.outputTokens',
      },
    ],
  ),
  ...faultsIn('workers/proxy/dialects/openai-images.ts', testsOf('openai-images'), [
    { promise: 'every image is held for', find: 'choices: images + (body.partial_images ? 1 : 0)', replace: 'choices: 1' },
    {
      promise: 'images that go in are bounded',
      find: 'inputTokensBound: textBytes + imageTokens * files',
      replace: 'inputTokensBound: textBytes',
    },
    {
      promise: 'what a second model draws is not sold',
      find: 'svg: z.undefined(notPixels).optional()',
      replace: 'svg: z.unknown().optional()',
    },
  ]),
  ...faultsIn('workers/proxy/dialects/openai-images-usage.ts', testsOf('openai-images-usage'), [
    {
      promise: 'tokens of images are not billed as text too',
      find: 'in: input_tokens - (input?.image_tokens ?? 0)',
      replace: 'in: input_tokens',
    },
    {
      promise: 'an image counts when it is there',
      find: '(data ?? []).filter((image) => Image.safeParse(image).success).length',
      replace: '(data ?? []).length',
    },
  ]),
  ...faultsIn('workers/proxy/dialects/openai-speech.ts', testsOf('openai-speech'), [
    { promise: 'characters are code points', find: '[...body.input].length', replace: 'body.input.length' },
    { promise: 'plain audio is sold by the character only', find: "isMedia ? ['characterPicos'] : []", replace: '[]' },
  ]),
  ...faultsIn('workers/proxy/dialects/openai-transcriptions-usage.ts', testsOf('openai-transcriptions-usage'), [
    { promise: 'a fraction of a millisecond is not free', find: 'Math.ceil(Number(', replace: 'Math.floor(Number(' },
    {
      promise: 'the last event repeats and adds nothing',
      find: 'reading.deliveredBytes = Math.max(reading.deliveredBytes, deliveredBytesOf(text))',
      replace: 'reading.deliveredBytes += deliveredBytesOf(text)',
    },
  ]),
  ...faultsIn('workers/proxy/dialects/form-request.ts', testsOf('form-request'), [
    { promise: 'of a field given twice none is read', find: 'if (others.length > 0)', replace: 'if (others.length > 99)' },
  ]),
  ...faultsIn(
    'workers/proxy/answer/media-answer.ts',
    ['workers/proxy/answer/media-answer.test.ts'],
    [
      { promise: 'an answer without a byte is none', find: 'if (!reader || !first?.value)', replace: 'if (!reader || !first)' },
      {
        promise: 'half an answer does not look like a whole one',
        find: 'await writer.abort(error).catch(() => undefined)',
        replace: 'await writer.close().catch(() => undefined)',
      },
    ],
  ),
]
