import { z } from 'zod'

/** What a message is made of, as the request may give it. Which role may say what is judged elsewhere. */
export type ContentBlock = z.infer<typeof contentBlock>
export type TextBlock = z.infer<typeof textBlock>
export type ToolResultBlock = z.infer<typeof toolResultBlock>

export const cacheControl = z.strictObject({ type: z.literal('ephemeral'), ttl: z.enum(['5m', '1h']).optional() })
const cached = { cache_control: cacheControl.nullish() }
const anyObject = z.record(z.string(), z.unknown())
const citations = z.strictObject({ enabled: z.boolean().optional() })
const toolNamePattern = /^[a-zA-Z0-9_-]{1,128}$/
export const toolName = z.string().regex(toolNamePattern)
export const callerTypes = ['direct', 'code_execution_20250825', 'code_execution_20260120', 'code_execution_20260521'] as const
const caller = z.strictObject({ type: z.enum(callerTypes), tool_id: z.string().optional() })

export const textBlock = z.strictObject({
  type: z.literal('text'),
  text: z.string().min(1),
  citations: z.array(anyObject).nullish(),
  ...cached,
})

const imageSource = z.discriminatedUnion('type', [
  z.strictObject({
    type: z.literal('base64'),
    media_type: z.enum(['image/jpeg', 'image/png', 'image/gif', 'image/webp']),
    data: z.base64().min(1),
  }),
  z.strictObject({ type: z.literal('url'), url: z.string() }),
  z.strictObject({ type: z.literal('file'), file_id: z.string() }),
])

const imageBlock = z.strictObject({
  type: z.literal('image'),
  source: imageSource,
  transformations: z.strictObject({ oversized_image: z.enum(['downsize', 'error']).optional() }).nullish(),
  ...cached,
})

const documentSource = z.discriminatedUnion('type', [
  z.strictObject({ type: z.literal('base64'), media_type: z.literal('application/pdf'), data: z.base64().min(1) }),
  z.strictObject({ type: z.literal('text'), media_type: z.literal('text/plain'), data: z.string().min(1) }),
  z.strictObject({
    type: z.literal('content'),
    content: z.union([z.string(), z.array(z.discriminatedUnion('type', [textBlock, imageBlock]))]),
  }),
  z.strictObject({ type: z.literal('url'), url: z.string() }),
  z.strictObject({ type: z.literal('file'), file_id: z.string() }),
])

const documentBlock = z.strictObject({
  type: z.literal('document'),
  source: documentSource,
  title: z.string().nullish(),
  context: z.string().nullish(),
  citations: citations.nullish(),
  ...cached,
})

const searchResultBlock = z.strictObject({
  type: z.literal('search_result'),
  source: z.string(),
  title: z.string(),
  content: z.array(textBlock).min(1),
  citations: citations.optional(),
  ...cached,
})

const toolReference = z.strictObject({ type: z.literal('tool_reference'), tool_name: z.string(), ...cached })
const toolResultContent = z.discriminatedUnion('type', [textBlock, imageBlock, searchResultBlock, documentBlock, toolReference])
const toolResultBlock = z.strictObject({
  type: z.literal('tool_result'),
  tool_use_id: z.string().regex(toolNamePattern),
  content: z.union([z.string(), z.array(toolResultContent)]).optional(),
  is_error: z.boolean().optional(),
  toolset_name: z.string().nullish(),
  ...cached,
})

const toolUseBlock = z.strictObject({
  type: z.literal('tool_use'),
  id: z.string().regex(toolNamePattern),
  name: z.string().min(1).max(200),
  input: anyObject,
  caller: caller.optional(),
  toolset_name: z.string().nullish(),
  ...cached,
})

const thinkingBlock = z.strictObject({ type: z.literal('thinking'), thinking: z.string(), signature: z.string() })
const redactedThinkingBlock = z.strictObject({ type: z.literal('redacted_thinking'), data: z.string() })

const serverTools = [
  'web_search',
  'web_fetch',
  'code_execution',
  'bash_code_execution',
  'text_editor_code_execution',
  'tool_search_tool_regex',
  'tool_search_tool_bm25',
] as const
const serverToolUseBlock = z.strictObject({
  type: z.literal('server_tool_use'),
  id: z.string().regex(/^srvtoolu_[a-zA-Z0-9_]+$/),
  name: z.enum(serverTools),
  input: anyObject,
  caller: caller.optional(),
  ...cached,
})

const webSearchResult = z.strictObject({
  type: z.literal('web_search_result'),
  url: z.string(),
  title: z.string(),
  encrypted_content: z.string(),
  page_age: z.string().nullish(),
})
const webSearchToolResultBlock = z.strictObject({
  type: z.literal('web_search_tool_result'),
  tool_use_id: z.string().regex(/^srvtoolu_[a-zA-Z0-9_]+$/),
  content: z.union([z.array(webSearchResult), z.strictObject({ type: z.literal('web_search_tool_result_error'), error_code: z.string() })]),
  caller: caller.optional(),
  ...cached,
})

/** Results of the other server tools are looked at from outside only: this upstream never makes any. */
const otherServerResult = z.strictObject({
  type: z.enum([
    'web_fetch_tool_result',
    'code_execution_tool_result',
    'bash_code_execution_tool_result',
    'text_editor_code_execution_tool_result',
    'tool_search_tool_result',
  ]),
  tool_use_id: z.string(),
  content: anyObject,
  caller: caller.optional(),
  ...cached,
})

export const contentBlock = z.discriminatedUnion('type', [
  textBlock,
  imageBlock,
  documentBlock,
  searchResultBlock,
  thinkingBlock,
  redactedThinkingBlock,
  toolUseBlock,
  toolResultBlock,
  serverToolUseBlock,
  webSearchToolResultBlock,
  otherServerResult,
  z.strictObject({ type: z.literal('container_upload'), file_id: z.string(), ...cached }),
])
