import { isObject, type JsonObject } from '../json-body.ts'
import type { CountedMessage } from '../text.ts'
import {
  arrayOf,
  type Check,
  checkTopLevel,
  decimal,
  firstError,
  integer,
  isAnyObject,
  isBoolean,
  isString,
  missing,
  oneOf,
  shape,
  unknownParameter,
  wrongType,
} from './checks.ts'
import { invalidRequest, type OpenAiError } from './errors.ts'

export type FunctionTool = { type: 'function'; function: { name: string; parameters?: JsonObject | null } }

/** The parameters that shape an answer; all others are judged and then ignored. */
export type ChatRequest = {
  model: string
  messages: CountedMessage[]
  max_tokens?: number | null
  max_completion_tokens?: number | null
  n?: number | null
  stream?: boolean | null
  stream_options?: { include_usage?: boolean | null } | null
  tools?: FunctionTool[] | null
  tool_choice?: string | { function: { name: string } } | null
  response_format?: { type: string; json_schema?: { schema?: unknown } } | null
}

const maxOutputTokens = 1_000_000
export const functionName: Check = (value, path) => {
  if (typeof value !== 'string') return wrongType(path, 'a string', value)
  if (/^[a-zA-Z0-9_-]{1,64}$/.test(value)) return null
  const message = `Invalid '${path}': string does not match pattern. Expected a string that matches the pattern '^[a-zA-Z0-9_-]+$'.`
  return invalidRequest(message, path, 'invalid_value')
}

const functionShape = shape({ name: functionName, description: isString, parameters: isAnyObject, strict: isBoolean }, ['name'])
const tool = shape({ type: oneOf('function'), function: functionShape }, ['type', 'function'])
const namedFunction = shape({ name: functionName }, ['name'])
const namedTool = shape({ type: oneOf('function'), function: namedFunction }, ['type', 'function'])

const toolCallFunction = shape({ name: functionName, arguments: isString }, ['name', 'arguments'])
const toolCall = shape({ id: isString, type: oneOf('function'), function: toolCallFunction }, ['id', 'type', 'function'])

const imageUrl = shape({ url: isString, detail: oneOf('auto', 'low', 'high') }, ['url'])
const parts: Record<string, Check> = {
  text: shape({ type: isString, text: isString }, ['type', 'text']),
  image_url: shape({ type: isString, image_url: imageUrl }, ['type', 'image_url']),
  refusal: shape({ type: isString, refusal: isString }, ['type', 'refusal']),
}

function partOf(...types: string[]): Check {
  const type = oneOf(...types)
  return (value, path) => {
    if (!isObject(value)) return wrongType(path, 'an object', value)
    if (value.type === undefined) return missing(`${path}.type`)
    const error = type(value.type, `${path}.type`)
    return error ?? parts[String(value.type)]?.(value, path) ?? null
  }
}

function contentOf(...types: string[]): Check {
  const list = arrayOf(partOf(...types), 1, 2_048)
  return (value, path) => {
    if (typeof value === 'string') return null
    if (value === null) return invalidRequest("Invalid value for 'content': expected a string, got null.", path)
    return Array.isArray(value) ? list(value, path) : wrongType(path, 'one of a string or array of objects', value)
  }
}

const plainContent = contentOf('text')
const messageChecks: Record<string, Record<string, Check>> = {
  system: { content: plainContent, name: isString },
  developer: { content: plainContent, name: isString },
  user: { content: contentOf('text', 'image_url'), name: isString },
  assistant: {
    content: contentOf('text', 'refusal'),
    name: isString,
    refusal: isString,
    tool_calls: arrayOf(toolCall, 1, 128),
    audio: isAnyObject,
    function_call: isAnyObject,
  },
  tool: { content: plainContent, tool_call_id: isString },
  function: { content: plainContent, name: isString },
}
const role = oneOf('system', 'assistant', 'user', 'function', 'tool', 'developer')
const requiredBesideContent: Record<string, string> = { tool: 'tool_call_id', function: 'name' }

const message: Check = (value, path) => {
  if (!isObject(value)) return wrongType(path, 'an object', value)
  if (value.role === undefined) return missing(`${path}.role`)
  const roleError = role(value.role, `${path}.role`)
  if (roleError) return roleError
  const checks = messageChecks[String(value.role)] ?? {}
  for (const key in value) {
    if (key === 'role') continue
    const check = Object.hasOwn(checks, key) ? checks[key] : undefined
    if (!check) return unknownParameter(`${path}.${key}`)
    // Only an assistant that called a tool may say nothing.
    const mayBeNull = key !== 'content' || (value.role === 'assistant' && Boolean(value.tool_calls ?? value.function_call))
    const error = value[key] === null && mayBeNull ? null : check(value[key], `${path}.${key}`)
    if (error) return error
  }
  return checkMissing(value, path)
}

function checkMissing(value: JsonObject, path: string): OpenAiError | null {
  const needed = requiredBesideContent[String(value.role)]
  if (needed && value[needed] === undefined) return missing(`${path}.${needed}`)
  const isToolCall = value.role === 'assistant' && (value.tool_calls !== undefined || value.function_call !== undefined)
  return value.content === undefined && !isToolCall ? missing(`${path}.content`) : null
}

const stop: Check = (value, path) => (typeof value === 'string' ? null : arrayOf(isString, 1, 4)(value, path))

const toolChoice: Check = (value, path) =>
  typeof value === 'string' ? oneOf('none', 'auto', 'required')(value, path) : namedTool(value, path)

export const metadata: Check = (value, path) => {
  if (!isObject(value)) return wrongType(path, 'an object', value)
  return firstError(Object.keys(value), (key) => isString(value[key], `${path}.${key}`))
}

const responseFormat: Check = (value, path) => {
  if (!isObject(value)) return wrongType(path, 'an object', value)
  if (value.type === undefined) return missing(`${path}.type`)
  const error = oneOf('json_object', 'json_schema', 'text')(value.type, `${path}.type`)
  if (error || value.type !== 'json_schema') return error
  return shape({ type: isString, json_schema: isAnyObject }, ['type', 'json_schema'])(value, path)
}

const parameters: Readonly<Record<string, Check>> = {
  model: isString,
  messages: arrayOf(message, 1, 2_048),
  audio: isAnyObject,
  frequency_penalty: decimal(-2, 2),
  function_call: (value, path) => (typeof value === 'string' ? oneOf('none', 'auto')(value, path) : namedFunction(value, path)),
  functions: arrayOf(functionShape, 1, 128),
  logit_bias: isAnyObject,
  logprobs: isBoolean,
  max_completion_tokens: integer(1, maxOutputTokens),
  max_tokens: integer(1, maxOutputTokens),
  metadata,
  modalities: arrayOf(oneOf('text', 'audio'), 1, 2),
  n: integer(1, 128),
  parallel_tool_calls: isBoolean,
  prediction: isAnyObject,
  presence_penalty: decimal(-2, 2),
  prompt_cache_key: isString,
  prompt_cache_options: isAnyObject,
  prompt_cache_retention: oneOf('in_memory', '24h'),
  reasoning_effort: oneOf('none', 'minimal', 'low', 'medium', 'high', 'xhigh'),
  response_format: responseFormat,
  safety_identifier: isString,
  seed: integer(Number.MIN_SAFE_INTEGER, Number.MAX_SAFE_INTEGER),
  service_tier: oneOf('auto', 'default', 'flex', 'scale', 'priority'),
  stop,
  store: isBoolean,
  stream: isBoolean,
  stream_options: shape({ include_usage: isBoolean, include_obfuscation: isBoolean }),
  temperature: decimal(0, 2),
  tool_choice: toolChoice,
  tools: arrayOf(tool, 1, 128),
  top_logprobs: integer(0, 20),
  top_p: decimal(0, 1),
  user: isString,
  verbosity: oneOf('low', 'medium', 'high'),
  web_search_options: isAnyObject,
}

/** Judges a chat body as OpenAI does; the model's existence is judged elsewhere. */
export function checkChat(body: JsonObject): OpenAiError | null {
  return checkTopLevel(body, parameters, ['model', 'messages']) ?? checkCombinations(body) ?? checkToolReplies(body)
}

function checkCombinations(body: JsonObject): OpenAiError | null {
  if (isSet(body.max_tokens) && isSet(body.max_completion_tokens)) {
    const text = "Setting 'max_tokens' and 'max_completion_tokens' at the same time is not supported."
    return invalidRequest(text, 'max_tokens', 'invalid_parameter_combination')
  }
  if (isSet(body.stream_options) && body.stream !== true) {
    return invalidRequest("The 'stream_options' parameter is only allowed when 'stream' is enabled.", 'stream_options')
  }
  if (isSet(body.top_logprobs) && body.logprobs !== true) {
    return invalidRequest("The 'top_logprobs' parameter is only allowed when 'logprobs' is enabled.", 'top_logprobs')
  }
  if (!isSet(body.tools)) {
    if (isSet(body.tool_choice))
      return invalidRequest("Invalid value for 'tool_choice': 'tool_choice' is only allowed when 'tools' are specified.", 'tool_choice')
    if (isSet(body.parallel_tool_calls)) {
      return invalidRequest(
        "Invalid value for 'parallel_tool_calls': 'parallel_tool_calls' is only allowed when 'tools' are specified.",
        'parallel_tool_calls',
      )
    }
  }
  return checkChosenTool(body)
}

function checkChosenTool(body: JsonObject): OpenAiError | null {
  const { tool_choice: choice, tools } = readChat(body)
  if (typeof choice !== 'object' || choice === null) return null
  const { name } = choice.function
  if (tools?.some((candidate) => candidate.function.name === name)) return null
  return invalidRequest(
    `Invalid value for 'tool_choice': no function named '${name}' was specified in the 'tools' parameter.`,
    'tool_choice',
  )
}

/** A tool's reply must follow the call that it answers. */
function checkToolReplies(body: JsonObject): OpenAiError | null {
  let mayReply = false
  return firstError(readChat(body).messages, (item, index) => {
    if (item.role === 'tool' && !mayReply) {
      const text = "Invalid parameter: messages with role 'tool' must be a response to a preceeding message with 'tool_calls'."
      return invalidRequest(text, `messages.[${index}].role`)
    }
    mayReply = item.role === 'tool' || 'tool_calls' in item
    return null
  })
}

export function isSet(value: unknown): boolean {
  return value !== undefined && value !== null
}

/** Only for a body that passed the parameter checks: they are what makes this cast true. */
export function readChat(body: JsonObject): ChatRequest {
  return body as unknown as ChatRequest
}
