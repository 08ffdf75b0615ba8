import type { JsonObject } from '../json-body.ts'
import { type GoogleError, unreadableMessage } from './errors.ts'
import { batchEmbedContentsRequest, countTokensRequest, embedContentRequest, generateContentRequest } from './messages.ts'
import { type Field, readMessage } from './proto-json.ts'

/** What shapes an answer; all other fields are judged and then ignored. */
export type GenerateRequest = {
  contents?: Content[]
  systemInstruction?: Content
  tools?: Tool[]
  toolConfig?: { functionCallingConfig?: { mode?: string; allowedFunctionNames?: string[] } }
  safetySettings?: { category?: string }[]
  generationConfig?: GenerationConfig
  cachedContent?: string
}

export type Content = { role?: string; parts?: Part[] }

export type Part = {
  text?: string
  inlineData?: { mimeType?: string; data?: string }
  fileData?: { mimeType?: string; fileUri?: string }
  functionCall?: { name?: string }
  functionResponse?: { name?: string }
  thought?: boolean
  thoughtSignature?: string
}

export type Tool = { functionDeclarations?: FunctionDeclaration[] }

export type FunctionDeclaration = { name?: string; parameters?: unknown; parametersJsonSchema?: unknown }

export type GenerationConfig = {
  candidateCount?: number
  stopSequences?: string[]
  maxOutputTokens?: number
  temperature?: number
  topP?: number
  topK?: number
  responseMimeType?: string
  responseSchema?: unknown
  responseJsonSchema?: unknown
  presencePenalty?: number
  frequencyPenalty?: number
  responseLogprobs?: boolean
  logprobs?: number
  thinkingConfig?: { includeThoughts?: boolean; thinkingBudget?: number; thinkingLevel?: string }
}

export type CountTokensRequest = { contents?: Content[]; generateContentRequest?: GenerateRequest }

export type EmbedRequest = { model?: string; content?: Content; taskType?: string; title?: string; outputDimensionality?: number }

export type BatchEmbedRequest = { requests?: EmbedRequest[] }

type Outcome<T> = { request: T } | { error: GoogleError }

export const readGenerate = readerOf<GenerateRequest>(generateContentRequest)
export const readCountTokens = readerOf<CountTokensRequest>(countTokensRequest)
export const readEmbed = readerOf<EmbedRequest>(embedContentRequest)
export const readBatchEmbed = readerOf<BatchEmbedRequest>(batchEmbedContentsRequest)

/** The message described by `type` must have the fields of `T`: that is what makes the cast true for a body without violations. */
function readerOf<T>(type: Field): (body: JsonObject) => Outcome<T> {
  return (body) => {
    const { message, violations } = readMessage(body, type)
    return violations.length > 0 ? { error: unreadableMessage(violations) } : { request: message as T }
  }
}
