import { isObject, type JsonObject } from '../json-body.ts'
import type { CountedMessage, CountedPart } from '../text.ts'
import { arrayOf, byType, type Check, firstError, isAnyObject, isString, missing, oneOf, shape, wrongType } from './checks.ts'
import { invalidRequest, type OpenAiError } from './errors.ts'

/** One item of `input`; which of the members are there depends on its type. */
export type InputItem = {
  type?: string | null
  role?: string
  id?: string
  call_id?: string
  content?: string | CountedPart[]
  arguments?: string
  input?: string
  output?: string | CountedPart[]
  summary?: CountedPart[]
}

const maxItems = 4_096
const status = oneOf('in_progress', 'completed', 'incomplete')
const anything: Check = () => null
const breakpoint = { prompt_cache_breakpoint: isAnyObject }

const inputParts: Record<string, Check> = {
  input_text: shape({ type: isString, text: isString, ...breakpoint }, ['text']),
  input_image: shape({
    type: isString,
    image_url: isString,
    file_id: isString,
    detail: oneOf('auto', 'low', 'high', 'original'),
    ...breakpoint,
  }),
  input_file: shape({
    type: isString,
    file_id: isString,
    file_data: isString,
    file_url: isString,
    filename: isString,
    detail: oneOf('auto', 'low', 'high'),
    ...breakpoint,
  }),
}
const outputParts: Record<string, Check> = {
  output_text: shape({ type: isString, text: isString, annotations: anything, logprobs: anything }, ['text']),
  refusal: shape({ type: isString, refusal: isString }, ['refusal']),
}

function textOr(parts: Record<string, Check>): Check {
  const list = arrayOf(byType(parts), 0, maxItems)
  return (value, path) => {
    if (typeof value === 'string') return null
    return Array.isArray(value) ? list(value, path) : wrongType(path, 'one of a string or array of objects', value)
  }
}

const inputContent = textOr(inputParts)
const outputContent = textOr(outputParts)

function messageWith(content: Check): Check {
  const role = oneOf('user', 'assistant', 'system', 'developer')
  const members = { type: isString, id: isString, role, content, status, phase: oneOf('commentary', 'final_answer') }
  return shape(members, ['role', 'content'])
}
const inputMessage = messageWith(inputContent)
const outputMessage = messageWith(outputContent)

const call = { type: isString, id: isString, call_id: isString, status, namespace: isString, caller: isAnyObject, async: anything }
const summaryPart = shape({ type: oneOf('summary_text'), text: isString }, ['type', 'text'])
const reasoningPart = shape({ type: oneOf('reasoning_text'), text: isString }, ['type', 'text'])

const typedItem = byType({
  message: (value, path) => (isObject(value) && value.role === 'assistant' ? outputMessage : inputMessage)(value, path),
  function_call: shape({ ...call, name: isString, arguments: isString }, ['call_id', 'name', 'arguments']),
  function_call_output: shape({ ...call, name: isString, output: inputContent }, ['call_id', 'output']),
  custom_tool_call: shape({ ...call, name: isString, input: isString }, ['call_id', 'name', 'input']),
  custom_tool_call_output: shape({ ...call, output: inputContent }, ['call_id', 'output']),
  reasoning: shape(
    {
      type: isString,
      id: isString,
      summary: arrayOf(summaryPart, 0, maxItems),
      content: arrayOf(reasoningPart, 0, maxItems),
      encrypted_content: isString,
      status,
    },
    ['summary'],
  ),
  web_search_call: shape({ type: isString, id: isString, status: isString, action: isAnyObject }, ['id']),
  item_reference: shape({ type: isString, id: isString }, ['id']),
})

/** A message and a reference may leave out their type. */
const item: Check = (value, path) => {
  if (!isObject(value) || (value.type !== undefined && value.type !== null)) return typedItem(value, path)
  if (value.role === undefined && value.id === undefined) return missing(`${path}.role`)
  return typedItem({ ...value, type: typeOfItem(value) }, path)
}

function typeOfItem(value: JsonObject | InputItem): unknown {
  return value.type ?? (value.role === undefined ? 'item_reference' : 'message')
}

const itemList = arrayOf(item, 0, maxItems)

/** `input`: a text, or a list of items. */
export const checkInput: Check = (value, path) => {
  if (typeof value === 'string') return null
  return Array.isArray(value) ? itemList(value, path) : wrongType(path, 'one of a string or array of input items', value)
}

/** Each call has its output and each output its call; a conversation that the provider remembers may hold the other half. */
export function checkCalls(items: readonly InputItem[], isContinued: boolean): OpenAiError | null {
  const idsOf = (...types: string[]): Set<string | undefined> =>
    new Set(items.flatMap((candidate) => (types.includes(String(candidate.type)) ? [candidate.call_id] : [])))
  const calls = idsOf('function_call', 'custom_tool_call')
  const outputs = idsOf('function_call_output', 'custom_tool_call_output')
  const open = firstError([...calls], (id) =>
    outputs.has(id) ? null : invalidRequest(`No tool output found for function call ${id}.`, 'input'),
  )
  if (open || isContinued) return open
  return firstError([...outputs], (id) =>
    calls.has(id) ? null : invalidRequest(`No tool call found for function call output with call_id ${id}.`, 'input'),
  )
}

/** The ids of items that the provider is expected to remember. */
export function listReferences(items: readonly InputItem[]): string[] {
  return items.flatMap((candidate) => (typeOfItem(candidate) === 'item_reference' && candidate.id !== undefined ? [candidate.id] : []))
}

/** The items as messages, which is what tokens and tags are counted in. */
export function listMessages(instructions: string | null, input: string | readonly InputItem[]): CountedMessage[] {
  const system = instructions === null ? [] : [{ role: 'system', content: instructions }]
  if (typeof input === 'string') return [...system, { role: 'user', content: input }]
  return [...system, ...input.map(asMessage)]
}

function asMessage({ role, content, arguments: text, input, output, summary }: InputItem): CountedMessage {
  const said = content ?? text ?? input ?? output ?? summary ?? ''
  return { role: role ?? 'tool', content: typeof said === 'string' ? said : said.map(asPart) }
}

/** A file counts as an image does. */
function asPart(part: CountedPart): CountedPart {
  return part.type === 'input_image' || part.type === 'input_file' ? { type: 'image_url' } : part
}
