import { ApiError } from '#workers/edge/api-error.ts'

/** What the items of a request tell of its cost and of where it must go. */
export interface InputFacts {
  images: number
  hasAudio: boolean
  /** The model may search the web. */
  searches: boolean
  /** It carries reasoning that only the account which made it can read. */
  isBound: boolean
}

/**
 * Reads the items and tools of a request. All customers share our accounts at the providers, so whatever reaches what such an account keeps is refused:
 * items and files by their id, and tools that the provider runs. So is what nothing bounds. Throws 400 naming the field.
 */
export function readInput(input: readonly unknown[], tools: readonly unknown[]): InputFacts {
  const facts = { images: 0, hasAudio: false, searches: judgeTools(tools, 'tools'), isBound: false }
  for (const [index, item] of input.entries()) judgeItem(item, `input.${index}`, facts)
  return facts
}

/** Items that hold all they say. An `encrypted_content` is read by the provider, and only by the account that wrote it. */
const wholeItems = new Set([
  'message',
  'reasoning',
  'function_call',
  'function_call_output',
  'custom_tool_call',
  'custom_tool_call_output',
  'local_shell_call',
  'local_shell_call_output',
  'shell_call',
  'shell_call_output',
  'apply_patch_call',
  'apply_patch_call_output',
  'web_search_call',
  'tool_search_call',
  'tool_search_output',
  'additional_tools',
])

/** Tools that the client runs, or that are only described. */
const clientTools = new Set(['function', 'custom', 'local_shell', 'apply_patch', 'shell', 'namespace', 'tool_search'])

/** Parts of a content whose tokens are fewer than their bytes. */
const boundedParts = new Set(['input_text', 'output_text', 'refusal', 'reasoning_text', 'summary_text'])

const sendItself =
  "Send the item itself, as `store: false` and `include: ['reasoning.encrypted_content']` make it complete, or continue a response with previous_response_id."
const sendText = 'Send its text as input_text, or its pages as images by URL or in base64.'
const runYourself = 'Declare it as a function and run it yourself.'

function judgeItem(item: unknown, param: string, facts: InputFacts): void {
  const type = memberOf(item, 'type') ?? (typeof memberOf(item, 'role') === 'string' ? 'message' : 'item_reference')
  if (type === 'item_reference') throw refused(param, 'refers to a stored item', sendItself)
  if (typeof type !== 'string' || !wholeItems.has(type)) throw refused(param, `is of type '${shown(type)}'`, 'Leave it out.')
  if (type === 'reasoning') {
    const sealed = memberOf(item, 'encrypted_content')
    if (typeof sealed !== 'string' || sealed === '') throw refused(param, 'is reasoning without its encrypted_content', sendItself)
    facts.isBound = true
  }
  if (type === 'shell_call') judgeEnvironment(item, param, true)
  if (judgeTools(listOf(memberOf(item, 'tools')), `${param}.tools`)) facts.searches = true
  for (const key of contentKeysOf(item)) judgeContent(memberOf(item, key), `${param}.${key}`, facts)
}

/** Where an item has parts: in what is said, and in what a function has answered. What a shell has answered is all text. */
export function contentKeysOf(item: unknown): string[] {
  const type = memberOf(item, 'type')
  return type === 'function_call_output' || type === 'custom_tool_call_output' ? ['content', 'output'] : ['content']
}

function judgeContent(content: unknown, param: string, facts: InputFacts): void {
  if (typeof content !== 'object' || content === null) return
  if (!Array.isArray(content)) throw refused(param, 'is neither a text nor a list of parts', 'Send a list.')
  for (const part of content) {
    const type = memberOf(part, 'type')
    if ((memberOf(part, 'file_id') ?? null) !== null) throw refused(param, 'refers to a stored file by file_id', sendText)
    if (type === 'input_image') facts.images += 1
    else if (type === 'input_audio') facts.hasAudio = true
    // A page of a file is read as text and as an image, and its bytes are compressed.
    else if (typeof type !== 'string' || !boundedParts.has(type)) throw refused(param, `has a part of type '${shown(type)}'`, sendText)
  }
}

/** Whether one of the tools searches the web, which is sold by the search; throws 400 for those that the provider runs otherwise. */
function judgeTools(tools: readonly unknown[], param: string): boolean {
  let searches = false
  for (const [index, tool] of tools.entries()) {
    const at = `${param}.${index}`
    const type = memberOf(tool, 'type')
    if (typeof type === 'string' && /^web_search(?:_preview)?(?:_\d{4}_\d\d_\d\d)?$/.test(type)) searches = true
    else if (typeof type !== 'string' || !clientTools.has(type)) throw refused(at, `is a tool of type '${shown(type)}'`, runYourself)
    if (type === 'shell') judgeEnvironment(tool, at, false)
    if (type === 'tool_search' && memberOf(tool, 'execution') !== 'client') {
      throw refused(at, 'is a tool search at the provider', "Set its execution to 'client'.")
    }
    if (type === 'namespace') judgeNamespace(listOf(memberOf(tool, 'tools')), at)
  }
  return searches
}

function judgeNamespace(tools: readonly unknown[], param: string): void {
  const foreign = tools.map((tool) => memberOf(tool, 'type')).find((type) => type !== 'function' && type !== 'custom')
  if (foreign !== undefined) throw refused(`${param}.tools`, `has a tool of type '${shown(foreign)}'`, runYourself)
}

/** A shell runs on the client's machine, or in a container of the account. */
function judgeEnvironment(value: unknown, param: string, mayBeAbsent: boolean): void {
  const environment = memberOf(value, 'environment') ?? null
  if ((environment === null && mayBeAbsent) || memberOf(environment, 'type') === 'local') return
  throw refused(`${param}.environment`, 'is a container', "Set its type to 'local' and run the shell yourself.")
}

function refused(param: string, fault: string, remedy: string): ApiError {
  return new ApiError('invalid_request', { param, message: `'${param}' ${fault}, which is not supported here. ${remedy}` })
}

/** A type as a message names it: no more than a name has. */
function shown(type: unknown): string {
  return typeof type === 'string' ? type.slice(0, 64) : typeof type
}

/**
 * A text that stays the same while a conversation grows: what was said before the model first answered, whether it was sent as a text or as items.
 * `instructions` are not part of it, because agents change them on the way.
 */
export function openingOf(input: string | readonly unknown[], length: number): string {
  if (typeof input === 'string') return input.slice(0, length)
  const answered = input.findIndex((item) => memberOf(item, 'role') === 'assistant' || typeof memberOf(item, 'role') !== 'string')
  const said = input.slice(0, answered === -1 ? input.length : answered).map((item) => memberOf(item, 'content'))
  const texts = said.flatMap((content) => (Array.isArray(content) ? content.map((part: unknown) => memberOf(part, 'text')) : [content]))
  return texts
    .filter((text) => typeof text === 'string')
    .join('\n')
    .slice(0, length)
}

export function memberOf(value: unknown, key: string): unknown {
  return typeof value === 'object' && value !== null ? Reflect.get(value, key) : undefined
}

export function listOf(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : []
}
