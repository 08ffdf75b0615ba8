import { z } from 'zod'
import { parseUsd } from '../values/money.ts'
import { NanosPerPiece, PicosPerToken, type Price, type UnitPrices } from './cost.ts'

/** Dollars per million, such as `0.075`, as pico-dollars for one. Six places are as exact as a pico is. */
const DollarsPerMillion = z
  .string()
  .regex(/^\d{1,5}(\.\d{1,6})?$/, 'dollars per million as a decimal text with at most six places, such as "0.075"')
  .transform((text) => (parseUsd(text) ?? 0) / 1_000)
  .pipe(PicosPerToken)

/** Dollars for one piece, such as `0.04`, as nano-dollars. */
const DollarsPerPiece = z
  .string()
  .regex(/^\d{1,3}(\.\d{1,9})?$/, 'dollars as a decimal text with at most nine places, such as "0.04"')
  .transform((text) => parseUsd(text))
  .pipe(NanosPerPiece)

const tokenPrices = {
  input: DollarsPerMillion,
  output: DollarsPerMillion,
  /** An absent one is that of input; writing for an hour is by default what writing for five minutes is. */
  cacheRead: DollarsPerMillion.optional(),
  cacheWrite5m: DollarsPerMillion.optional(),
  cacheWrite1h: DollarsPerMillion.optional(),
}

/**
 * A price as providers publish it, so that a person can hold it beside the page: dollars per million tokens or characters, dollars for one piece, as
 * decimal texts. Parses into a `Price`; where and when it was read must be said, and stays in the file.
 */
export const ListPrice = z
  .strictObject({
    ...tokenPrices,
    inputAudio: DollarsPerMillion.optional(),
    inputImage: DollarsPerMillion.optional(),
    outputAudio: DollarsPerMillion.optional(),
    outputImage: DollarsPerMillion.optional(),
    characters: DollarsPerMillion.optional(),
    image: DollarsPerPiece.optional(),
    audioSecond: DollarsPerPiece.optional(),
    webSearch: DollarsPerPiece.optional(),
    request: DollarsPerPiece.optional(),
    longContext: z.strictObject({ aboveInputTokens: z.int().min(1).max(100_000_000), ...tokenPrices }).optional(),
    source: z.url({ protocol: /^https$/ }).max(300),
    readOn: z.iso.date(),
    note: z.string().min(1).max(300).optional(),
  })
  .transform(priceOf)

interface TokenDollars {
  input: number
  output: number
  cacheRead?: number | undefined
  cacheWrite5m?: number | undefined
  cacheWrite1h?: number | undefined
}

interface Listed extends TokenDollars {
  inputAudio?: number | undefined
  inputImage?: number | undefined
  outputAudio?: number | undefined
  outputImage?: number | undefined
  characters?: number | undefined
  image?: number | undefined
  audioSecond?: number | undefined
  webSearch?: number | undefined
  request?: number | undefined
  longContext?: (TokenDollars & { aboveInputTokens: number }) | undefined
}

function priceOf(listed: Listed): Price {
  const { longContext } = listed
  const units: UnitPrices = defined({
    inputAudioPicos: listed.inputAudio,
    inputImagePicos: listed.inputImage,
    outputAudioPicos: listed.outputAudio,
    outputImagePicos: listed.outputImage,
    characterPicos: listed.characters,
    imageNanos: listed.image,
    secondNanos: listed.audioSecond,
    webSearchNanos: listed.webSearch,
    requestNanos: listed.request,
    longContext: longContext && { aboveInputTokens: longContext.aboveInputTokens, ...tokenPicos(longContext) },
  })
  return { ...tokenPicos(listed), units }
}

function tokenPicos({ input, output, cacheRead = input, cacheWrite5m = input, cacheWrite1h = cacheWrite5m }: TokenDollars) {
  return {
    inputPicos: input,
    cacheReadPicos: cacheRead,
    cacheWrite5mPicos: cacheWrite5m,
    cacheWrite1hPicos: cacheWrite1h,
    outputPicos: output,
  }
}

/** Without the members that are undefined, as jsonb stores it. */
function defined<Value extends object>(value: Value): { [Name in keyof Value]?: Exclude<Value[Name], undefined> } {
  return JSON.parse(JSON.stringify(value))
}
