import { createHash } from 'node:crypto'
import type { Script } from '../behaviours.ts'
import { countPromptTokens, defaultTokens, generatePieces, lastUserText, readTags, seedOf, type Tags, type WordStyle } from '../text.ts'
import { writeJson } from '../tool-output.ts'
import type { ChatRequest, FunctionTool } from './chat-rules.ts'
import type { ChatUsage } from './usage.ts'

export type Choice = {
  /** One token each. */
  pieces: string[]
  tool: { id: string; name: string } | null
  finishReason: 'stop' | 'length' | 'tool_calls' | 'content_filter'
}

/** What is answered, before it takes the form of a body or a stream. */
export type Completion = { seed: number; choices: Choice[]; usage: ChatUsage }

/**
 * The whole answer as a pure function of the model, the messages, the limits and the tools. `earlierTokens` are those of
 * a conversation that the provider remembers.
 */
export function complete(request: ChatRequest, script: Script, earlierTokens = 0): Completion {
  const tags = readTags(lastUserText(request.messages))
  const cap = request.max_completion_tokens ?? request.max_tokens ?? null
  const seed = seedOf(`${request.model}\n${cap}\n${JSON.stringify(request.messages)}`)
  const tool = chooseTool(request, tags)
  const reasoning = Math.min(tags.reasoning, cap ?? tags.reasoning)
  const visibleCap = cap === null ? null : cap - reasoning
  const plan = {
    tags,
    visibleCap,
    script,
    tool,
    schema: chooseSchema(request),
    isNamed: typeof request.tool_choice === 'object' && request.tool_choice !== null,
  }
  const choices = Array.from({ length: request.n ?? 1 }, (_, index) => writeChoice({ ...plan, seed: seed + index }))
  const visibleTokens = choices.reduce((sum, choice) => sum + choice.pieces.length, 0)
  const promptTokens = countPromptTokens(request.messages) + earlierTokens
  const reasoningTokens = reasoning * choices.length
  return {
    seed,
    choices,
    usage: {
      promptTokens,
      cachedTokens: Math.min(tags.cached, promptTokens),
      completionTokens: visibleTokens + reasoningTokens,
      reasoningTokens,
      audioInTokens: Math.min(tags.audioIn, promptTokens),
      audioOutTokens: Math.min(tags.audioOut, visibleTokens),
    },
  }
}

type ChoicePlan = {
  seed: number
  tags: Tags
  visibleCap: number | null
  script: Script
  tool: FunctionTool | null
  schema: unknown
  isNamed: boolean
}

function writeChoice({ seed, tags, visibleCap, script, tool, schema, isNamed }: ChoicePlan): Choice {
  const { output } = script.behaviour
  const wanted = tags.tokens ?? defaultTokens
  const length = visibleCap === null ? wanted : Math.min(wanted, visibleCap)
  if (tool && output === undefined) return callTool(tool, seed, wanted, visibleCap, isNamed)
  if (schema && output === undefined) {
    const { pieces, isCut } = writeJson(schema, seed, wanted, visibleCap)
    return { pieces, tool: null, finishReason: isCut ? 'length' : 'stop' }
  }
  if (output === 'filtered') return { pieces: generatePieces(seed, length >> 1, 'plain'), tool: null, finishReason: 'content_filter' }
  const style: WordStyle = output ?? 'plain'
  const pieces = generatePieces(seed, length, style, tags.textBytes)
  const isCut = style !== 'blank' && visibleCap !== null && wanted > visibleCap
  return { pieces, tool: null, finishReason: isCut ? 'length' : 'stop' }
}

function callTool(tool: FunctionTool, seed: number, wanted: number, cap: number | null, isNamed: boolean): Choice {
  const { pieces, isCut } = writeJson(tool.function.parameters ?? {}, seed, wanted, cap)
  const id = `call_${createHash('sha1').update(`${seed}`).digest('hex').slice(0, 24)}`
  // OpenAI ends with "stop" when the request itself named the function.
  const finished = isNamed ? 'stop' : 'tool_calls'
  return { pieces, tool: { id, name: tool.function.name }, finishReason: isCut ? 'length' : finished }
}

const anyObject = { type: 'object', properties: { text: { type: 'string' } } }

function chooseSchema({ response_format: format }: ChatRequest): unknown {
  if (format?.type === 'json_object') return anyObject
  return format?.type === 'json_schema' ? (format.json_schema?.schema ?? anyObject) : null
}

function chooseTool({ tools, tool_choice: choice }: ChatRequest, tags: Tags): FunctionTool | null {
  if (!tools || choice === 'none') return null
  if (typeof choice === 'object' && choice !== null) return tools.find((tool) => tool.function.name === choice.function.name) ?? null
  return choice === 'required' || tags.tool ? (tools[0] ?? null) : null
}
