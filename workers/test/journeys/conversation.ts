import type Anthropic from '@anthropic-ai/sdk'
import type OpenAI from 'openai'
import { claudeModelOf, modelOf } from './catalogue.ts'

/** Stands in every prompt of every journey, so that one search finds whatever keeps a prompt. */
export const canary = 'quetzal-canary'

export interface ChatOptions {
  model?: string
  /** Words and tags for the scripted upstream, after the canary. */
  text?: string
  includeUsage?: boolean
  maxTokens?: number
  /** Fields on top, whatever they are. */
  extra?: object
}

let prompts = 0

/** A prompt nobody else sends, because the scripted upstream answers the same to the same. */
export function promptOf(text = ''): string {
  prompts += 1
  return `${canary} ${process.pid}-${Date.now()}-${prompts} ${text}`.trim()
}

/** The body of a chat completion that meets a behaviour. */
export function chatBody(behaviour: string, options: ChatOptions = {}): OpenAI.ChatCompletionCreateParamsNonStreaming {
  const { model, text, maxTokens, extra } = options
  const messages = [{ role: 'user' as const, content: promptOf(text) }]
  return { model: model ?? modelOf(behaviour), messages, max_tokens: maxTokens ?? 256, ...extra }
}

/** The same for a stream. */
export function streamBody(behaviour: string, options: ChatOptions = {}): OpenAI.ChatCompletionCreateParamsStreaming {
  const asked = options.includeUsage ? { stream_options: { include_usage: true } } : {}
  return { ...chatBody(behaviour, options), stream: true, ...asked }
}

/** The body of a message of Anthropic's that meets a behaviour. */
export function messageBody(behaviour: string, options: ChatOptions = {}): Anthropic.MessageCreateParamsNonStreaming {
  const { model, text, maxTokens, extra } = options
  const messages = [{ role: 'user' as const, content: promptOf(text) }]
  return { model: model ?? claudeModelOf(behaviour), messages, max_tokens: maxTokens ?? 256, ...extra }
}

/** The chunks of a stream's text that are JSON, as a client reads them. */
export function chunksOf(streamed: string): unknown[] {
  return dataOf(streamed).flatMap((data) => {
    try {
      return [JSON.parse(data)]
    } catch {
      return []
    }
  })
}

/** The data of each event of a stream, whatever ends its lines. */
export function dataOf(streamed: string): string[] {
  return streamed
    .replace(/^\uFEFF/, '')
    .split(/\r\n|\r|\n/)
    .flatMap((line) => (line.startsWith('data: ') ? [line.slice(6)] : []))
}

export function endsWithDone(streamed: string): boolean {
  return dataOf(streamed).includes('[DONE]')
}
