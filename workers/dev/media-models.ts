import type { SeedModel } from '#db/seed.ts'

/** How the scripted upstream behaves to those who buy what is not text; more than chat shows at these endpoints too. */
const behaviours = [
  'fast',
  'no-usage',
  'zero-usage',
  'absurd-usage',
  'break',
  'break-1',
  'error-first',
  'error-mid',
  'empty-stream',
  'rate-limited-1',
]

/** No token costs anything, because it is sold by the piece. */
const byThePiece = { inputPicos: 0, cacheReadPicos: 0, cacheWrite5mPicos: 0, cacheWrite1hPicos: 0, outputPicos: 0 }

type Shelf = Pick<SeedModel, 'kind' | 'dialects' | 'price'>

/** By the beginning of a model's name. Prices of each kind: a token of text, of a picture, of sound; a picture, a second, a character; nothing. */
const shelves: Record<string, Shelf> = {
  'gpt-embedding': { kind: 'embeddings', dialects: ['openai-embeddings'], price: { inputPicos: 20_001, outputPicos: 0 } },
  'gpt-image': {
    kind: 'images',
    dialects: ['openai-images'],
    price: { inputPicos: 5_000_001, outputPicos: 10_000_000, units: { inputImagePicos: 8_000_003, outputImagePicos: 32_000_007 } },
  },
  'dall-e': { kind: 'images', dialects: ['openai-images'], price: { ...byThePiece, units: { imageNanos: 40_000_001 } } },
  'gpt-tts': {
    kind: 'speech',
    dialects: ['openai-speech'],
    price: { inputPicos: 600_001, outputPicos: 600_001, units: { outputAudioPicos: 12_000_007 } },
  },
  'tts-1': { kind: 'speech', dialects: ['openai-speech'], price: { ...byThePiece, units: { characterPicos: 15_000_001 } } },
  'gpt-transcribe': {
    kind: 'transcription',
    dialects: ['openai-transcriptions'],
    price: { inputPicos: 2_500_001, outputPicos: 10_000_000, units: { inputAudioPicos: 6_000_007 } },
  },
  'whisper-1': { kind: 'transcription', dialects: ['openai-transcriptions'], price: { ...byThePiece, units: { secondNanos: 100_001 } } },
  'omni-moderation': { kind: 'moderation', dialects: ['openai-moderations'], price: byThePiece },
}

/** What OpenAI's other endpoints sell. */
export const mediaModels: SeedModel[] = [
  ...Object.entries(shelves).flatMap(([name, shelf]) =>
    behaviours.map((behaviour) => ({ id: `${name}-scripted-${behaviour}`, upstreamModel: `scripted-${behaviour}`, ...shelf })),
  ),
  { id: 'gpt-scripted-embedding', upstreamModel: 'scripted-embedding', kind: 'embeddings', dialects: ['openai-embeddings'] },
]
