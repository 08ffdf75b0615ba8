import { z } from 'zod'
import { ApiError } from '#workers/edge/api-error.ts'
import { describedToolTokens, instructionTokens, webFetchTokens, webSearchesUnsaid, webSearchTokens } from '../limits.ts'

/** The fields of a tool that decide what it may cost. */
export const Tool = z.looseObject({
  type: z.string().nullish(),
  max_uses: z.int().min(1).nullish(),
  max_content_tokens: z.int().min(1).nullish(),
})
type Tool = z.infer<typeof Tool>

/** Input beyond the bytes of a request that its tools may cause, and how often they may search the web. */
export interface ToolBound {
  tokens: number
  webSearches: number
}

/** What the tools may add, at most. Throws 400 for a tool that the provider runs and whose work `usage` does not report, or that nothing bounds. */
export function boundTools(tools: readonly Tool[]): ToolBound {
  const bound = { tokens: tools.length > 0 ? instructionTokens : 0, webSearches: 0 }
  for (const [index, tool] of tools.entries()) {
    const { tokens, webSearches } = boundTool(tool, `tools.${index}`)
    bound.tokens += tokens
    bound.webSearches += webSearches
  }
  return bound
}

function boundTool({ type, max_uses, max_content_tokens }: Tool, param: string): ToolBound {
  const family = /^(.*)_\d{8}$/.exec(type ?? '')?.[1] ?? type ?? 'custom'
  if (family === 'custom') return { tokens: 0, webSearches: 0 }
  if (describedTools.has(family)) return { tokens: describedToolTokens, webSearches: 0 }
  if (family === 'web_search') {
    const webSearches = max_uses ?? webSearchesUnsaid
    return { tokens: describedToolTokens + webSearches * webSearchTokens, webSearches }
  }
  if (family !== 'web_fetch') throw unsupported(param, `Tools of type '${family.slice(0, 64)}' are not supported here.`)
  if (!max_uses || !max_content_tokens)
    throw unsupported(param, 'Say max_uses and max_content_tokens of web_fetch: nothing else bounds it.')
  return { tokens: describedToolTokens + max_uses * Math.max(max_content_tokens, webFetchTokens), webSearches: 0 }
}

function unsupported(param: string, message: string): ApiError {
  return new ApiError('invalid_request', { param, message: `${param}: ${message}` })
}

/** Tools that the provider describes and the client runs. */
const describedTools = new Set(['bash', 'text_editor', 'memory', 'computer', 'computer_toolset', 'browser_toolset'])
