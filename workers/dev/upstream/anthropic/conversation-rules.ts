import { isObject } from '../json-body.ts'
import type { CountRequest, Message, MessageRequest } from './request.ts'
import { sign } from './signatures.ts'

const maxBreakpoints = 4

/** What no single field shows: who may say what, what must follow what, and whose signatures these are. Null when all is well. */
export function complainAbout(request: CountRequest | MessageRequest, key: string): string | null {
  return (
    complainOfCaching(request) ??
    complainOfTools(request) ??
    ('max_tokens' in request ? complainOfThinking(request) : null) ??
    firstComplaint(request.messages, (message, index) => complainOfMessage(message, index, request.messages, key))
  )
}

function firstComplaint<T>(items: readonly T[], judge: (item: T, index: number) => string | null): string | null {
  for (const [index, item] of items.entries()) {
    const complaint = judge(item, index)
    if (complaint !== null) return complaint
  }
  return null
}

function complainOfCaching({ cache_control: whole, tools, system, messages }: CountRequest): string | null {
  const lifetimes: ('5m' | '1h')[] = []
  const collect = (value: unknown): void => {
    if (!isObject(value)) return
    if (Array.isArray(value.content)) value.content.forEach(collect)
    if (isObject(value.cache_control)) lifetimes.push(lifetimeOf(value.cache_control))
  }
  for (const part of [tools, system, messages]) if (Array.isArray(part)) part.forEach(collect)
  if (whole) lifetimes.push(lifetimeOf(whole))
  if (lifetimes.length > maxBreakpoints) {
    return `A maximum of ${maxBreakpoints} blocks with cache_control may be provided. Found ${lifetimes.length}.`
  }
  if (lifetimes.includes('5m') && lifetimes.lastIndexOf('1h') > lifetimes.indexOf('5m')) {
    return "cache_control.ttl: a ttl='1h' cache_control block must not come after a ttl='5m' cache_control block. Blocks are processed in the order `tools`, `system`, `messages`."
  }
  return null
}

function lifetimeOf(control: { ttl?: unknown }): '5m' | '1h' {
  return control.ttl === '1h' ? '1h' : '5m'
}

function complainOfTools({ tools = [], tool_choice: choice }: CountRequest): string | null {
  const names = tools.flatMap((tool) => ('name' in tool ? [tool.name] : []))
  if (new Set(names).size < names.length) return 'tools: Tool names must be unique.'
  for (const [index, tool] of tools.entries()) {
    if ('allowed_domains' in tool && tool.allowed_domains && tool.blocked_domains) {
      return `tools.${index}.${tool.type}: allowed_domains and blocked_domains may not both be given`
    }
  }
  if (choice && tools.length === 0) return 'tool_choice: may only be specified while providing tools'
  if (choice?.type === 'tool' && !names.includes(choice.name)) return `Tool '${choice.name}' not found in provided tools`
  return null
}

function complainOfThinking({ thinking, max_tokens, temperature, top_k, tool_choice: choice, stream }: MessageRequest): string | null {
  if (max_tokens === 0 && stream) return 'max_tokens: `max_tokens` must be greater than 0 when streaming'
  if (thinking === undefined || thinking.type === 'disabled') return null
  if (thinking.type === 'enabled' && thinking.budget_tokens >= max_tokens) {
    return '`max_tokens` must be greater than `thinking.budget_tokens`.'
  }
  if (temperature !== undefined && temperature !== 1) return '`temperature` may only be set to 1 when thinking is enabled.'
  if (top_k !== undefined) return '`top_k` must be unset when thinking is enabled.'
  if (choice?.type === 'any' || choice?.type === 'tool') return 'Thinking may not be enabled when tool_choice forces tool use.'
  return null
}

/** What the version 2026-10-21 no longer takes: documents that the assistant said, and citations in what the user says. */
export function complainOfVersion({ messages }: CountRequest): string | null {
  return firstComplaint(messages, ({ role, content }, index) => {
    if (typeof content === 'string') return null
    return firstComplaint(content, (block, position) => {
      const at = `messages.${index}.content.${position}`
      if (role === 'assistant' && block.type === 'document') return `${at}: \`document\` blocks are not permitted in assistant messages`
      const texts = block.type === 'search_result' ? block.content : [block]
      const cites = role === 'user' && texts.some((text) => text.type === 'text' && (text.citations?.length ?? 0) > 0)
      return cites ? `${at}: \`citations\` are not permitted in user messages` : null
    })
  })
}

const sayable: Readonly<Record<Message['role'], ReadonlySet<string>>> = {
  system: new Set(['text']),
  user: new Set(['text', 'image', 'document', 'search_result', 'tool_result', 'container_upload']),
  assistant: new Set([
    'text',
    'document',
    'thinking',
    'redacted_thinking',
    'tool_use',
    'server_tool_use',
    'web_search_tool_result',
    'web_fetch_tool_result',
    'code_execution_tool_result',
    'bash_code_execution_tool_result',
    'text_editor_code_execution_tool_result',
    'tool_search_tool_result',
  ]),
}

function complainOfMessage({ role, content }: Message, index: number, messages: readonly Message[], key: string): string | null {
  const isLast = index === messages.length - 1
  if (content.length === 0 && !(isLast && role === 'assistant')) {
    return `messages.${index}: all messages must have non-empty content except for the optional final assistant message`
  }
  if (typeof content === 'string') {
    const trails = isLast && role === 'assistant' && content !== content.trimEnd()
    return trails ? 'messages: final assistant content cannot end with trailing whitespace' : complainOfPairs(index, messages)
  }
  const block = firstComplaint(content, (item, position) => {
    if (!sayable[role].has(item.type))
      return `messages.${index}.content.${position}: \`${item.type}\` blocks are not permitted in ${role} messages`
    const fault = complainOfSignature(item, key)
    return fault === null ? null : `messages.${index}.content.${position}: ${fault}`
  })
  return block ?? complainOfPairs(index, messages)
}

function complainOfSignature(block: Exclude<Message['content'], string>[number], key: string): string | null {
  if (block.type === 'thinking' && block.signature !== sign(key, 'thinking', block.thinking))
    return 'Invalid `signature` in `thinking` block'
  if (block.type === 'redacted_thinking' && block.data !== sign(key, 'redacted', '')) return 'Invalid `data` in `redacted_thinking` block'
  if (block.type === 'web_search_tool_result' && Array.isArray(block.content)) {
    const isOwn = block.content.every(({ url, encrypted_content }) => encrypted_content === sign(key, 'search', url))
    return isOwn ? null : 'Invalid `encrypted_content` in `search_result` block'
  }
  return null
}

/** Each call of a tool is answered by the very next message, and nothing else is. */
function complainOfPairs(index: number, messages: readonly Message[]): string | null {
  const called = callsOf(messages[index])
  const replied = repliesOf(messages[index + 1])
  const open = called.filter((id) => !replied.includes(id))
  if (open.length > 0) {
    return `messages.${index}: \`tool_use\` ids were found without \`tool_result\` blocks immediately after: ${open.join(', ')}. Each \`tool_use\` block must have a corresponding \`tool_result\` block in the next message.`
  }
  const before = callsOf(messages[index - 1])
  const stray = repliesOf(messages[index]).find((id) => !before.includes(id))
  return stray === undefined
    ? null
    : `messages.${index}: unexpected \`tool_use_id\` found in \`tool_result\` blocks: ${stray}. Each \`tool_result\` block must have a corresponding \`tool_use\` block in the previous message.`
}

function callsOf(message: Message | undefined): string[] {
  if (!Array.isArray(message?.content)) return []
  return message.content.flatMap((block) => (block.type === 'tool_use' ? [block.id] : []))
}

function repliesOf(message: Message | undefined): string[] {
  if (!Array.isArray(message?.content)) return []
  return message.content.flatMap((block) => (block.type === 'tool_result' ? [block.tool_use_id] : []))
}
