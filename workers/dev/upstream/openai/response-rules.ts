import type { JsonObject } from '../json-body.ts'
import { functionName, isSet, metadata } from './chat-rules.ts'
import {
  arrayOf,
  byType,
  type Check,
  checkTopLevel,
  decimal,
  integer,
  isAnyObject,
  isBoolean,
  isString,
  missing,
  oneOf,
  shape,
} from './checks.ts'
import { invalidRequest, type OpenAiError } from './errors.ts'
import { checkCalls, checkInput, type InputItem, listReferences } from './response-items.ts'

export type ResponseTool = { type: string; name?: string; parameters?: JsonObject | null }
export type ResponseToolChoice = string | { type: string; name?: string; mode?: string }
export type ResponseFormat = { type: string; schema?: JsonObject }

/** The parameters that shape an answer; all others are judged and then echoed. */
export type ResponseRequest = {
  model: string
  input?: string | InputItem[] | null
  instructions?: string | null
  max_output_tokens?: number | null
  previous_response_id?: string | null
  include?: string[] | null
  reasoning?: { effort?: string | null; summary?: string | null } | null
  store?: boolean | null
  stream?: boolean | null
  text?: { format?: ResponseFormat | null; verbosity?: string | null } | null
  tools?: ResponseTool[] | null
  tool_choice?: ResponseToolChoice | null
}

const anything: Check = () => null
const name = functionName

const toolOptions = { type: isString, name, description: isString, allowed_callers: anything, async: isBoolean, defer_loading: isBoolean }
const functionTool = { ...toolOptions, parameters: isAnyObject, strict: isBoolean, output_schema: isAnyObject }
const webSearch = shape({
  type: isString,
  external_web_access: isBoolean,
  filters: isAnyObject,
  search_content_types: anything,
  search_context_size: oneOf('low', 'medium', 'high'),
  user_location: isAnyObject,
})
const webSearches = {
  web_search: webSearch,
  web_search_2025_08_26: webSearch,
  web_search_preview: webSearch,
  web_search_preview_2025_03_11: webSearch,
}
const tool = byType({
  function: shape(functionTool, ['name']),
  custom: shape({ ...toolOptions, format: isAnyObject }, ['name']),
  ...webSearches,
})

const namedChoice = shape({ type: isString, name }, ['name'])
const typeOnly = shape({ type: isString })
const chosenTool = byType({
  function: namedChoice,
  custom: namedChoice,
  allowed_tools: shape({ type: isString, mode: oneOf('auto', 'required'), tools: arrayOf(isAnyObject, 1, 128) }, ['mode', 'tools']),
  ...Object.fromEntries(Object.keys(webSearches).map((type) => [type, typeOnly])),
})
const toolChoice: Check = (value, path) =>
  typeof value === 'string' ? oneOf('none', 'auto', 'required')(value, path) : chosenTool(value, path)

const schemaFormat = { type: isString, name, schema: isAnyObject, description: isString, strict: isBoolean }
const format = byType({ text: typeOnly, json_object: typeOnly, json_schema: shape(schemaFormat, ['name', 'schema']) })

const summary = oneOf('auto', 'concise', 'detailed')
const includable = oneOf(
  'file_search_call.results',
  'web_search_call.results',
  'web_search_call.action.sources',
  'message.input_image.image_url',
  'computer_call_output.output.image_url',
  'code_interpreter_call.outputs',
  'reasoning.encrypted_content',
  'message.output_text.logprobs',
)

const parameters: Readonly<Record<string, Check>> = {
  model: isString,
  input: checkInput,
  background: isBoolean,
  context_management: arrayOf(isAnyObject, 0, 16),
  conversation: (value, path) => (typeof value === 'string' ? null : shape({ id: isString }, ['id'])(value, path)),
  include: arrayOf(includable, 0, 16),
  instructions: isString,
  max_output_tokens: integer(16, 1_000_000),
  max_tool_calls: integer(1, 1_000_000),
  metadata,
  moderation: isAnyObject,
  parallel_tool_calls: isBoolean,
  previous_response_id: isString,
  prompt: shape({ id: isString, version: isString, variables: isAnyObject }, ['id']),
  prompt_cache_key: isString,
  prompt_cache_options: isAnyObject,
  prompt_cache_retention: oneOf('in_memory', '24h'),
  reasoning: shape({
    effort: oneOf('none', 'minimal', 'low', 'medium', 'high', 'xhigh', 'max'),
    summary,
    generate_summary: summary,
    context: oneOf('auto', 'current_turn', 'all_turns'),
    mode: oneOf('standard', 'pro'),
  }),
  safety_identifier: isString,
  service_tier: oneOf('auto', 'default', 'flex', 'scale', 'priority'),
  store: isBoolean,
  stream: isBoolean,
  stream_options: shape({ include_obfuscation: isBoolean }),
  temperature: decimal(0, 2),
  text: shape({ format, verbosity: oneOf('low', 'medium', 'high') }),
  tool_choice: toolChoice,
  tools: arrayOf(tool, 0, 128),
  top_logprobs: integer(0, 20),
  top_p: decimal(0, 1),
  truncation: oneOf('auto', 'disabled'),
  user: isString,
}

/** Judges a body of the Responses API; whether the ids it names are known is judged elsewhere. */
export function checkResponse(body: JsonObject): OpenAiError | null {
  return checkTopLevel(body, parameters, ['model']) ?? checkCombinations(body) ?? checkItems(readResponse(body))
}

function checkCombinations(body: JsonObject): OpenAiError | null {
  if (isSet(body.stream_options) && body.stream !== true) {
    return invalidRequest("The 'stream_options' parameter is only allowed when 'stream' is enabled.", 'stream_options')
  }
  if (body.background === true) {
    return invalidRequest('Background mode is not supported with this model.', 'background', 'unsupported_parameter')
  }
  if (isSet(body.previous_response_id) && isSet(body.conversation)) {
    const text = "Mutually exclusive parameters: 'previous_response_id' and 'conversation'. Ensure you are only providing one of them."
    return invalidRequest(text, 'previous_response_id', 'mutually_exclusive_parameters')
  }
  const hasEarlier = isSet(body.previous_response_id) || isSet(body.conversation) || isSet(body.prompt)
  if (!isSet(body.input) && !hasEarlier) return missing('input')
  return checkChosenTool(readResponse(body))
}

function checkChosenTool({ tool_choice: choice, tools }: ResponseRequest): OpenAiError | null {
  const offered = tools ?? []
  if (choice === 'required' && offered.length === 0) {
    return invalidRequest("Tool choice 'required' must be specified with 'tools' parameter.", 'tool_choice')
  }
  if (typeof choice !== 'object' || choice === null || choice.type === 'allowed_tools') return null
  const isOffered = offered.some((candidate) => candidate.type === choice.type && candidate.name === choice.name)
  return isOffered ? null : invalidRequest(`Tool choice '${choice.name ?? choice.type}' not found in 'tools' parameter.`, 'tool_choice')
}

function checkItems({ input, previous_response_id: previous }: ResponseRequest): OpenAiError | null {
  if (!Array.isArray(input)) return null
  return checkCalls(input, isSet(previous) || listReferences(input).length > 0)
}

/** Only for a body that passed the parameter checks: they are what makes this cast true. */
export function readResponse(body: JsonObject): ResponseRequest {
  return body as unknown as ResponseRequest
}
