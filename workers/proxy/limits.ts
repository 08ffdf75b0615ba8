/** Every cap and interval of the public edge, with its unit and reason. */

/** Largest request body in JSON: room for several images in base64, far from an isolate's 128 MB. */
export const jsonBodyBytes = 20_000_000

/** Largest body of an embeddings or moderations request, or of one that only describes an image or a speech. */
export const smallBodyBytes = 4_000_000

/** Largest form with files: the 25 MB that OpenAI takes of audio or images, and its fields. */
export const formBodyBytes = 26_000_000

/** Fields of a request at its top level: no API has a hundred, and each is copied several times on the way. */
export const requestFields = 256

/** Largest answer that is read whole (not streamed). */
export const answerBodyBytes = 32_000_000

/** A key is looked up again after this long, and used for so long when Postgres is away; the ledger refuses a revoked one at once. */
export const keyFreshMs = 60_000
export const keyUsableMs = 3_600_000

/** An unknown key is not looked up again for this long, so that a loop with a wrong key does not reach Postgres. */
export const unknownKeyCachedMs = 10_000

/** Entries of each isolate cache; the oldest leave first. A cached key takes about 300 bytes. */
export const cachedKeys = 20_000

/** Unknown keys that one address may try in a minute before it is told to wait. */
export const unknownKeysPerMinute = 60

/** Redis has this long to count an unknown key; then the isolate counts it by itself. */
export const unknownKeyLimitMs = 500

/** The catalogue is read again after this long, and used for so long when Postgres is away. */
export const catalogueFreshMs = 30_000
export const catalogueUsableMs = 3_600_000

/** Models and routes that an isolate takes, some 10 MB: twice the models an import may bring. Above, something has filled the tables. */
export const catalogueModels = 2_000
export const catalogueRoutes = 5_000

/** Time an upstream has until its headers: long non-stream answers take minutes. */
export const upstreamHeadersMs = 600_000

/** A stream without a byte for this long is broken. */
export const upstreamSilenceMs = 120_000

/** After the client has left, the upstream is read on for its usage report this long; a Worker lives 30 s after a disconnect. */
export const readOnMs = 25_000

/** The metering branch of a stream is read this rarely, because waking up for every chunk is what a stream costs. */
export const meterIntervalMs = 500

/** Bytes read from a stream at once: of chunk after chunk, and of what gathers on the metering branch, 64 kB/s at most before it lags behind. */
export const chunkBufferBytes = 4_096
export const gulpBufferBytes = 32_768

/** Streamed bytes kept unparsed for the meter; beyond this they are parsed and let go. */
export const unparsedBytes = 262_144

/** Bytes of a stream's beginning in which its first event must stand; a comment or two and an error fit. */
export const firstEventBytes = 65_536

/** Bytes of a stream's end in which its usage report is looked for before the whole is parsed. */
export const streamTailBytes = 4_096

/** Settlements of one customer gather for this long before their call, and at most so many: about 1 kB each. */
export const gatherMs = 20
export const gatheredSettlements = 500

/** When the answer to a gathered call is looked for: the ledger takes its flush interval, and a commit. */
export const settleAnswerMs = 200

/** A settlement is tried this often before the lease's expiry takes over; waits grow from the first to the last. */
export const settleWaitsMs = [100, 300, 1_000, 3_000, 6_000, 10_000]

/** Longest `retry-after` of an upstream that is passed on. */
export const upstreamRetryAfterMs = 60_000

/** Longest wait for Postgres, which only a request with an unknown key or account waits for at all. */
export const databaseTimeoutMs = 5_000

/** A customer is asked to wait this long when Postgres or the ledger is away. */
export const unavailableRetryMs = 2_000

/**
 * Largest body whose tokens are counted when its bytes bound too much: as much English as 128,000 tokens have. Prose takes 0.1 ms of processor time a
 * kilobyte, random letters up to 3 ms.
 */
export const countedBodyBytes = 512_000

/** Characters that are counted before other requests of the isolate have their turn: at most some 50 ms. */
export const countedAtOnce = 16_384

/** Characters that are cut into tokens at once: the time of byte pair encoding grows with the square of a run without a break. */
export const countedSliceLength = 400

/** Tokens that a cut within a word or a run can hide, at most: what was two tokens on either side may happen to be fewer. */
export const tokensPerCut = 2

/** Tokens a provider sets around each member and element of a request, at most: OpenAI frames messages, properties and values with 3. */
export const tokensPerFrame = 3

/** Tokens of an unpublished tokenizer to those of o200k_base, at most: newer ones have up to 1.4 as many, other scripts more. */
export const unknownTokenizerFactor = 2

/** Tokens an image named by URL can be at most; its bytes say nothing about it. */
export const imageTokens = 50_000

/**
 * What a search with Google may use, at most, for the hold: Gemini searches as often as it likes, which is seldom more than five times, and may count
 * the results as input. Gemini 3 is billed for each search and older models for each prompt that was searched for; here each search is one.
 */
export const groundingSearches = 16
export const groundingTokens = 100_000

/** Tokens a provider sets before a prompt by itself, at most: where there are tools or a schema of the answer, Anthropic explains them in up to 700. */
export const instructionTokens = 1_000

/** Tokens of a tool that the provider describes and the client only names, at most: a browser toolset has thirty members, a computer takes 735 tokens. */
export const describedToolTokens = 10_000

/** Searches of a request that does not say how many: Anthropic's loop on its own side ends after 10 turns. */
export const webSearchesUnsaid = 10

/** Tokens a fetched page adds, at least, whatever the client's limit: it does not hold for a PDF, of which Anthropic's example has 125,000. */
export const webFetchTokens = 125_000

/** Bytes of text that make a token, roughly, in languages with Latin letters: for estimates only, never for a bound. */
export const bytesPerToken = 4

/** Tokens of a prompt and of an answer, at most, of a model that only a customer's own provider knows: what a limit on tokens reserves unless told. */
export const ownModelTokens = 128_000

/** Attempts of which a circuit judges a route, at least; fewer say nothing. They are those of this window. */
export const circuitVolume = 5
export const circuitWindowMs = 30_000

/** An open circuit lets one request through after this long. */
export const circuitOpenMs = 15_000

/** A route that is told to slow down and not for how long cools for this long. */
export const coolMs = 5_000

/** Routes whose health an isolate remembers; a catalogue has fewer. */
export const measuredRoutes = 5_000

/** Attempts at upstreams that one request may cause, and the time after which no further one begins. */
export const attemptsMost = 4
export const attemptsMs = 30_000

/** Characters of each of the first messages by which a conversation is known. */
export const conversationKeyLength = 1_024

/** A client of a stream that has heard nothing for this long is sent a comment: what stands between drops connections that are silent for a minute. */
export const keepAliveMs = 15_000

/** OpenAI keeps a stored response for 30 days; its route is remembered as long. */
export const answerRouteSeconds = 30 * 86_400

/** Tokens that a provider sets around the items of an earlier answer when they become input, at most; their own are known from its usage. */
export const continuedFrameTokens = 2_000

/** Searches of the web that one request may cause: a thorough answer takes ten. Each is asked for by the model, so the provider is told the limit. */
export const webSearchesMost = 16

/**
 * Input tokens that one search adds, at most: providers bill some 8,000 for its results. They read them again in later turns, Anthropic from its cache at
 * a tenth of the price, which the dearest input price of one reading covers.
 */
export const webSearchTokens = 16_384

/** Files of one form: the 16 images that OpenAI edits together, with a mask and a markup. */
export const formFiles = 18

/**
 * An image whose tokens nobody reported is estimated as so many bytes of text, some 1,056 tokens: one of medium quality and 1,024 pixels a side. One shown
 * on the way to it has 100 tokens, as OpenAI says.
 */
export const estimatedImageBytes = 4_224
export const estimatedPartialImageBytes = 400

/** Characters of speech in base64 that count as a byte of text where no usage was reported: four make a token, as a kilobyte of MP3 does. */
export const estimatedSpeechLength = 256

/** Bytes of a second of audio, at least: Opus speaks with 6 kbit/s. Silence can be told with fewer; nobody gains from having it transcribed. */
export const leastAudioBytesPerSecond = 750

/** Tokens of a second of audio: at most, as Gemini counts, and as OpenAI's transcriptions do, for estimates. */
export const mostAudioTokensPerSecond = 32
export const audioTokensPerSecond = 17

/** Milliseconds that a token of speech takes: 150 words a minute. For estimates of what was heard. */
export const spokenTokenMs = 300
