import { z } from 'zod'
import type { JsonObject } from '../json-body.ts'
import { describeComplaint } from './complaint.ts'
import { cacheControl, contentBlock, textBlock } from './content-blocks.ts'
import { tool, toolChoice } from './tools.ts'

/** What a body says once it passed; what only `POST /v1/messages` takes is absent in a count of tokens. */
export type CountRequest = z.infer<typeof countRequest>
export type MessageRequest = z.infer<typeof messageRequest>
export type Parsed<Request> = { request: Request } | { complaint: string }
/** What the headers ask for: betas, and the version since 2026-10-21, which takes less. */
export type Asked = { betas: readonly string[]; isStrict: boolean }
export type Message = CountRequest['messages'][number]

const anyObject = z.record(z.string(), z.unknown())
const outputFormat = z.strictObject({ type: z.literal('json_schema'), schema: anyObject })
const display = { display: z.enum(['summarized', 'omitted']).nullish() }

const thinking = z.discriminatedUnion('type', [
  z.strictObject({ type: z.literal('enabled'), budget_tokens: z.int().min(1_024), ...display }),
  z.strictObject({ type: z.literal('adaptive'), ...display }),
  z.strictObject({ type: z.literal('between_tools') }),
  z.strictObject({ type: z.literal('disabled') }),
])

const message = z.strictObject({
  role: z.enum(['user', 'assistant', 'system']),
  content: z.union([z.string(), z.array(contentBlock)]),
})

const counted = {
  model: z.string().min(1).max(256),
  messages: z.array(message).min(1).max(100_000),
  cache_control: cacheControl.nullish(),
  output_config: z
    .strictObject({ effort: z.enum(['low', 'medium', 'high', 'xhigh', 'max']).nullish(), format: outputFormat.nullish() })
    .optional(),
  speed: z.enum(['standard', 'fast']).nullish(),
  system: z.union([z.string(), z.array(textBlock)]).optional(),
  thinking: thinking.optional(),
  tool_choice: toolChoice.optional(),
  tools: z.array(tool).optional(),
  user_profile_id: z.string().optional(),
  workspace_id: z.string().optional(),
  // Only with a beta, see below.
  context_management: anyObject.nullish(),
  compaction: anyObject.nullish(),
  mcp_servers: z.array(anyObject).optional(),
  output_format: outputFormat.nullish(),
}
const countRequest = z.strictObject(counted)

const messageRequest = z.strictObject({
  ...counted,
  // Zero fills the cache and generates nothing.
  max_tokens: z.int().min(0).max(1_000_000),
  container: z.union([z.string(), anyObject]).nullish(),
  diagnostics: z.strictObject({ previous_message_id: z.string().nullish() }).nullish(),
  inference_geo: z.string().nullish(),
  metadata: z.strictObject({ user_id: z.string().max(256).nullish() }).optional(),
  service_tier: z.enum(['auto', 'standard_only']).optional(),
  stop_sequences: z.array(z.string().min(1)).max(8_191).optional(),
  stream: z.boolean().optional(),
  temperature: z.number().min(0).max(1).optional(),
  top_k: z.int().min(0).optional(),
  top_p: z.number().min(0).max(1).optional(),
  fallbacks: z.union([z.array(anyObject), anyObject]).nullish(),
  fallback_credit_token: z.union([z.string(), anyObject]).nullish(),
  thread: anyObject.nullish(),
})

/** Top-level fields that exist only for who names a beta of these families in `anthropic-beta`. */
const betaFields: Readonly<Record<string, readonly string[]>> = {
  context_management: ['context-management-', 'compact-'],
  compaction: ['compact-'],
  mcp_servers: ['mcp-client-'],
  output_format: ['structured-outputs-'],
  fallbacks: ['server-side-fallback-'],
  fallback_credit_token: ['fallback-credit-'],
  thread: ['message-threads-'],
}

/** What the version 2026-10-21 no longer knows. */
const goneFields = ['temperature', 'top_p', 'top_k']

export const parseCount = parseWith(countRequest)
export const parseMessages = parseWith(messageRequest)

/** Reads a body, or says in Anthropic's words what is wrong with it. */
function parseWith<Request>(schema: z.ZodType<Request>): (body: JsonObject, asked: Asked) => Parsed<Request> {
  return (body, { betas, isStrict }) => {
    const gone = isStrict ? goneFields.find((field) => Object.hasOwn(body, field)) : undefined
    if (gone) return { complaint: `${gone}: Extra inputs are not permitted` }
    for (const [field, families] of Object.entries(betaFields)) {
      const isUnknown = Object.hasOwn(body, field) && !betas.some((beta) => families.some((family) => beta.startsWith(family)))
      if (isUnknown) return { complaint: `${field}: Extra inputs are not permitted` }
    }
    const parsed = schema.safeParse(body, { reportInput: true })
    return parsed.success ? { request: parsed.data } : { complaint: describeComplaint(parsed.error.issues, body) }
  }
}
