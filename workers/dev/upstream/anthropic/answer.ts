import { hash } from 'node:crypto'
import type { Script } from '../behaviours.ts'
import { defaultTokens, generatePieces, lastUserText, readNumberTag, readTags, seedOf, type Tags, type WordStyle } from '../text.ts'
import { writeJson } from '../tool-output.ts'
import {
  type OutputBlock,
  omittedThinkingBlock,
  redactedThinkingBlock,
  searchBlocks,
  textBlock,
  thinkingBlock,
  toolUseBlock,
} from './output-blocks.ts'
import { countPromptTokens } from './prompt-tokens.ts'
import type { MessageRequest } from './request.ts'
import { type CustomTool, isCustom } from './tools.ts'
import type { MessageUsage } from './usage.ts'

/** What is answered, before it takes the form of a body or a stream. */
export type Answer = { seed: number; blocks: OutputBlock[]; stopReason: StopReason; usage: MessageUsage }
type StopReason = 'end_turn' | 'max_tokens' | 'tool_use' | 'refusal'
type Spoken = { blocks: OutputBlock[]; stopReason: StopReason }

// A search costs a call of its own; nobody asks for more at once.
const maxSearches = 20

/** The whole answer as a pure function of the model, the messages, the limit, the tools, thinking and the account. */
export function composeAnswer(request: MessageRequest, script: Script, key: string): Answer {
  const text = lastUserText(request.messages)
  const tags = readTags(text)
  const seed = seedOf(`${request.model}\n${request.max_tokens}\n${JSON.stringify([request.system, request.messages])}`)
  const thinkingTokens = isThinking(request) ? Math.min(tags.reasoning, request.max_tokens) : 0
  const thought = thinkingTokens > 0 ? [think(request, text, seed, thinkingTokens, key)] : []
  const searches = countSearches(request, text)
  const found = Array.from({ length: searches }, (_, index) => search(seed, index, key)).flat()
  const spoken = speak(request, script, tags, seed, request.max_tokens - thinkingTokens)
  const blocks = [...thought, ...found, ...spoken.blocks]
  const outputTokens = blocks.reduce((sum, block) => sum + block.tokens + block.hiddenTokens, 0)
  const usage = { ...splitPrompt(countPromptTokens(request), tags.cached, text), outputTokens, thinkingTokens, searches }
  return { seed, blocks, stopReason: spoken.stopReason, usage }
}

function isThinking({ thinking }: MessageRequest): boolean {
  return thinking !== undefined && thinking.type !== 'disabled'
}

function think({ thinking }: MessageRequest, text: string, seed: number, tokens: number, key: string): OutputBlock {
  if (text.includes('[redacted]')) return redactedThinkingBlock(tokens, key)
  const isOmitted = thinking && 'display' in thinking && thinking.display === 'omitted'
  return isOmitted ? omittedThinkingBlock(tokens, key) : thinkingBlock(generatePieces(seed + 1, tokens, 'plain'), key)
}

/** What is read is read once: each bucket takes its share of what the ones before it left. */
function splitPrompt(
  promptTokens: number,
  cached: number,
  text: string,
): Pick<MessageUsage, 'inputTokens' | 'cachedTokens' | 'written5mTokens' | 'written1hTokens'> {
  const cachedTokens = Math.min(cached, promptTokens)
  const written5mTokens = Math.min(readNumberTag(text, 'written5m') ?? 0, promptTokens - cachedTokens)
  const written1hTokens = Math.min(readNumberTag(text, 'written1h') ?? 0, promptTokens - cachedTokens - written5mTokens)
  return { inputTokens: promptTokens - cachedTokens - written5mTokens - written1hTokens, cachedTokens, written5mTokens, written1hTokens }
}

function countSearches({ tools = [] }: MessageRequest, text: string): number {
  const tool = tools.find(({ type }) => type?.startsWith('web_search_'))
  if (!tool) return 0
  const allowed = 'max_uses' in tool ? (tool.max_uses ?? maxSearches) : maxSearches
  return Math.min(readNumberTag(text, 'searches') ?? 0, allowed, maxSearches)
}

function search(seed: number, index: number, key: string): OutputBlock[] {
  const [query = ''] = generatePieces(seed + index, 1, 'plain')
  return searchBlocks(`srvtoolu_${idFrom(`${seed} ${index}`)}`, query, key)
}

function speak(request: MessageRequest, script: Script, tags: Tags, seed: number, cap: number): Spoken {
  const { output } = script.behaviour
  const wanted = tags.tokens ?? defaultTokens
  const tool = chooseTool(request, tags)
  if (tool && output === undefined) {
    const { pieces, isCut } = writeJson(tool.input_schema, seed, wanted, cap)
    return { blocks: [toolUseBlock(`toolu_${idFrom(`${seed}`)}`, tool.name, pieces)], stopReason: isCut ? 'max_tokens' : 'tool_use' }
  }
  const format = request.output_config?.format ?? request.output_format
  if (format && output === undefined) {
    const { pieces, isCut } = writeJson(format.schema, seed, wanted, cap)
    return { blocks: textBlocks(pieces), stopReason: isCut ? 'max_tokens' : 'end_turn' }
  }
  const length = Math.min(wanted, cap)
  if (output === 'filtered') return { blocks: textBlocks(generatePieces(seed, length >> 1, 'plain')), stopReason: 'refusal' }
  const style: WordStyle = output ?? 'plain'
  const blocks = textBlocks(generatePieces(seed, length, style, tags.textBytes))
  return { blocks, stopReason: style !== 'blank' && wanted > cap ? 'max_tokens' : 'end_turn' }
}

function textBlocks(pieces: string[]): OutputBlock[] {
  return pieces.length === 0 ? [] : [textBlock(pieces)]
}

function chooseTool({ tools = [], tool_choice: choice }: MessageRequest, tags: Tags): CustomTool | null {
  const own = tools.filter(isCustom)
  if (choice?.type === 'none') return null
  if (choice?.type === 'tool') return own.find(({ name }) => name === choice.name) ?? null
  return choice?.type === 'any' || tags.tool ? (own[0] ?? null) : null
}

function idFrom(text: string): string {
  return hash('sha1', text, 'hex').slice(0, 24)
}
