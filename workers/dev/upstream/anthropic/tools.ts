import { z } from 'zod'
import { cacheControl, callerTypes, toolName } from './content-blocks.ts'

export type Tool = z.infer<typeof tool>
export type CustomTool = z.infer<typeof customTool>

const anyObject = z.record(z.string(), z.unknown())
const common = {
  allowed_callers: z.array(z.enum(callerTypes)).optional(),
  cache_control: cacheControl.nullish(),
  defer_loading: z.boolean().optional(),
  strict: z.boolean().optional(),
}
const examples = { input_examples: z.array(anyObject).optional() }

const customTool = z.strictObject({
  type: z.literal('custom').nullish(),
  name: toolName,
  description: z.string().optional(),
  input_schema: z.looseObject({ type: z.literal('object') }),
  eager_input_streaming: z.boolean().nullish(),
  ...examples,
  ...common,
})

const searched = {
  allowed_domains: z.array(z.string()).nullish(),
  blocked_domains: z.array(z.string()).nullish(),
  max_uses: z.int().min(1).nullish(),
}
const inclusion = { response_inclusion: z.enum(['full', 'excluded']).optional() }
const userLocation = z.strictObject({
  type: z.literal('approximate'),
  city: z.string().nullish(),
  region: z.string().nullish(),
  country: z.string().nullish(),
  timezone: z.string().nullish(),
})
const webSearch = { name: z.literal('web_search'), user_location: userLocation.nullish(), ...searched, ...common }
const webFetch = {
  name: z.literal('web_fetch'),
  citations: z.strictObject({ enabled: z.boolean().optional() }).nullish(),
  max_content_tokens: z.int().min(1).nullish(),
  url_sources: anyObject.nullish(),
  ...searched,
  ...common,
}

const editor = { name: z.literal('str_replace_based_edit_tool'), ...examples, ...common }
const toolset = { cache_control: cacheControl.nullish(), configs: anyObject.nullish() }

/** The client's own tools and the provider's; one without a type is the client's. */
export const tool = z.discriminatedUnion('type', [
  customTool,
  z.strictObject({ type: z.enum(['web_search_20250305', 'web_search_20260209']), ...webSearch }),
  z.strictObject({ type: z.literal('web_search_20260318'), ...webSearch, ...inclusion }),
  z.strictObject({ type: z.enum(['web_fetch_20250910', 'web_fetch_20260209']), ...webFetch }),
  z.strictObject({ type: z.literal('web_fetch_20260309'), ...webFetch, use_cache: z.boolean().optional() }),
  z.strictObject({ type: z.literal('web_fetch_20260318'), ...webFetch, ...inclusion, use_cache: z.boolean().optional() }),
  z.strictObject({ type: z.literal('bash_20250124'), name: z.literal('bash'), ...examples, ...common }),
  z.strictObject({
    type: z.enum(['code_execution_20250522', 'code_execution_20250825', 'code_execution_20260120', 'code_execution_20260521']),
    name: z.literal('code_execution'),
    ...common,
  }),
  z.strictObject({ type: z.literal('memory_20250818'), name: z.literal('memory'), ...examples, ...common }),
  z.strictObject({ type: z.literal('text_editor_20250124'), name: z.literal('str_replace_editor'), ...examples, ...common }),
  z.strictObject({ type: z.literal('text_editor_20250429'), ...editor }),
  z.strictObject({ type: z.literal('text_editor_20250728'), ...editor, max_characters: z.int().min(1).nullish() }),
  z.strictObject({
    type: z.enum(['tool_search_tool_bm25_20251119', 'tool_search_tool_bm25']),
    name: z.literal('tool_search_tool_bm25'),
    ...common,
  }),
  z.strictObject({
    type: z.enum(['tool_search_tool_regex_20251119', 'tool_search_tool_regex']),
    name: z.literal('tool_search_tool_regex'),
    ...common,
  }),
  z.strictObject({ type: z.literal('browser_toolset_20260801'), ...toolset }),
  z.strictObject({ type: z.literal('computer_toolset_20260801'), ...toolset }),
])

const choiceOptions = { disable_parallel_tool_use: z.boolean().optional() }

export const toolChoice = z.discriminatedUnion('type', [
  z.strictObject({ type: z.literal('auto'), ...choiceOptions }),
  z.strictObject({ type: z.literal('any'), ...choiceOptions }),
  z.strictObject({ type: z.literal('tool'), name: z.string().min(1), ...choiceOptions }),
  z.strictObject({ type: z.literal('none') }),
])

export function isCustom(candidate: Tool): candidate is CustomTool {
  return 'input_schema' in candidate
}
