import type { DialectName, Family } from '#shared/contracts/dialect.ts'
import type { RelayOptions } from '#shared/contracts/relay-options.ts'
import type { UnitPriceName, UsageBound } from '#shared/pricing/cost.ts'
import type { Usage } from '#shared/pricing/usage.ts'
import type { Prompt } from '../admission/count-tokens.ts'

/**
 * One kind of request, native from the client to the upstream and back. A dialect is pure: it reads what a request may cost, writes what the upstream
 * is asked, and reads what an answer reports. A translation, once there is one, takes the place of `ask` and of the answer's bytes, and nothing else.
 */
export interface Dialect<C extends Call = Call> {
  /** What a route must speak to serve it. */
  speaks: DialectName
  family: Family
  /** The path as it is logged and documented: no part of it is the client's. */
  endpoint: string
  mediaType: 'application/json' | 'multipart/form-data'
  maxBodyBytes: number
  /** The field by which a client limits the output, for advice; null where there is none. */
  outputLimit: string | null
  /** Nobody pays for it, such as for a count of tokens. */
  isFree?: boolean
  /** Reads a request; throws 400 in words that name the field. */
  read(incoming: Incoming): C | Promise<C>
  ask(call: C, upstreamModel: string): UpstreamAsk
  /** All that a provider can turn into the prompt, to be counted when bytes bound too much. Without it the bound stands. */
  promptOf?(call: C): Prompt
  /** Adds a whole answer, or one event of a streamed one, to what is known. Never throws, whatever the value. */
  observe(reading: Reading, value: unknown): void
  /** Whether a good event does not show yet that the model has begun; a failure may still follow and another route be tried. */
  isPreliminary?(value: unknown): boolean
  /** Whether the client has not asked for this event and would stumble over it; absent or null when it gets them all. */
  hides?(call: C): ((data: string) => boolean) | null
  /** The data of the event that ends a broken stream, in the family's own form. `told` is what the stream told until then. */
  brokenEvent?(message: string, told: Reading): { name?: string; data: string }
  /** Where usage stands in an answer or event, so that its cost can stand beside it; the first path that leads to an object. */
  usagePaths: readonly (readonly string[])[]
}

/** A request as it came, for a dialect to read. */
export interface Incoming {
  bytes: Uint8Array
  headers: Headers
  url: URL
  /** The model, where the path names it. */
  pathModel: string | null
}

/** How an answer comes: one JSON value, server-sent events, elements of one JSON array, or bytes that nobody looks into. */
export type AnswerForm = 'json' | 'events' | 'elements' | 'media'

/** A request, read once: all that decides where it goes and what it may cost. What else it says goes through untouched. */
export interface Call {
  model: string
  answer: AnswerForm
  relay: RelayOptions
  bodyBytes: number
  /** No such request has more input tokens: a token stands for at least one byte, an image for a bounded number. */
  inputTokensBound: number
  /** What of the bound is not text and stays when the text is counted, such as images. */
  uncountedTokens: number
  choices: number
  /** What the client asked for, each choice; null leaves it to the model. */
  maxOutputTokens: number | null
  /** What it can use beside tokens of text, at most. */
  extras: Omit<UsageBound, 'inputTokens' | 'outputTokens'>
  /** Prices the model must have for this call to be sold. */
  requires: readonly UnitPriceName[]
  /** What the request itself tells of its usage, such as characters to speak: it counts where the model is priced by it. Null when it tells nothing. */
  toldUsage: Usage | null
  /** Turns an estimate in tokens of text into what such an answer uses, when none was reported; without it, it is text. */
  estimate?(text: EstimatedText): Usage
  conversation: Conversation
}

/** Tokens of text that a request and what was delivered of its answer would be. */
export interface EstimatedText {
  inputTokens: number
  outputTokens: number
}

/** What ties a request to the route that served the ones before it. */
export interface Conversation {
  /** A text that is the same for all requests of one conversation, as far as they tell; null when they do not. Asked for only when there is a choice. */
  key(): string | null
  /** It carries what only the account that made it accepts, such as a thinking signature: no other upstream is tried. */
  isBound: boolean
  /** The stored answer that it continues; only its route has it, and only its customer may. */
  previousAnswerId: string | null
  /** The provider keeps the answer, so that a later request may continue it. */
  isStored: boolean
}

/** What goes to an upstream. Beside these headers only our own are sent. */
export interface UpstreamAsk {
  /** After the base URL of the route: constants and the upstream's name of the model, nothing of the client's. */
  path: string
  headers: Record<string, string>
  body: string | FormData
}

/** What an answer told: of its tokens, of its end, and of how much was delivered. */
export interface Reading {
  /** Null when the upstream reported none that can be meant seriously. */
  usage: Usage | null
  /** What the answer shows of its usage by itself, such as the number of its images: it counts where the model is priced by it. */
  toldUsage?: Usage
  /** UTF-8 bytes of text, reasoning and tool-call arguments that passed through; for what has no text, of as much text as it is to be estimated as. */
  deliveredBytes: number
  finishReason: string | null
  /** The upstream reported an error in the body. */
  failed: boolean
  /** The provider's own id of the answer; null when it gives none. */
  answerId: string | null
  /** The number of the last event, where a stream numbers them. */
  lastNumber?: number
}

export function emptyReading(): Reading {
  return { usage: null, deliveredBytes: 0, finishReason: null, failed: false, answerId: null }
}

/** A request that no conversation is known of. */
export const noConversation: Conversation = { key: () => null, isBound: false, previousAnswerId: null, isStored: false }
