import { ApiError } from '#workers/edge/api-error.ts'

/** What the blocks of a request hold beside text. */
export interface Contents {
  /** Where each image comes from: its data or its address. */
  images: Set<unknown>
  /** Characters of images in base64, which are no text to a model. */
  imageDataLength: number
  /** Something that only the account accepts that made it: signed or encrypted. */
  isSigned: boolean
}

/** Looks through all blocks, at any depth; throws 400 for one whose tokens nothing bounds, or that reaches what our account keeps. Does not recurse. */
export function contentsOf(system: unknown, messages: readonly unknown[]): Contents {
  const contents: Contents = { images: new Set(), imageDataLength: 0, isSigned: false }
  addBlocks(contents, system, 'system')
  for (const [index, message] of messages.entries()) addBlocks(contents, memberOf(message, 'content'), `messages.${index}.content`)
  return contents
}

function addBlocks(contents: Contents, content: unknown, param: string): void {
  const left = [content]
  while (left.length > 0) {
    const value = left.pop()
    if (value === undefined || value === null || typeof value === 'string') continue
    if (!Array.isArray(value)) throw unsupported(param, 'is neither a text nor a list of blocks')
    for (const block of value as unknown[]) left.push(addBlock(contents, block, param))
  }
}

/** Adds one block and answers the blocks in it. */
function addBlock(contents: Contents, block: unknown, param: string): unknown {
  const type = memberOf(block, 'type')
  if (typeof type !== 'string') throw unsupported(param, 'has a block without a type')
  if (type === 'image') return addImage(contents, memberOf(block, 'source'), param)
  if (type === 'document') return documentContent(memberOf(block, 'source'), param)
  if (type === 'web_fetch_tool_result') return fetchedContent(memberOf(block, 'content'), param)
  if (nestingBlocks.has(type)) return memberOf(block, 'content')
  if (signedBlocks.has(type)) contents.isSigned = true
  else if (!boundedBlocks.has(type)) throw unsupported(param, `has a block of type '${type.slice(0, 64)}'`)
  return undefined
}

function addImage(contents: Contents, source: unknown, param: string): undefined {
  const type = memberOf(source, 'type')
  if (type !== 'base64' && type !== 'url') throw unsupported(param, 'has an image that is neither base64 nor a URL')
  const data = type === 'base64' ? memberOf(source, 'data') : ''
  contents.imageDataLength += typeof data === 'string' ? data.length : 0
  contents.images.add(source)
}

/** A page of a PDF may hold any amount of text, which its bytes do not show; a document by URL may be anything; files are those of our account. */
function documentContent(source: unknown, param: string): unknown {
  const type = memberOf(source, 'type')
  if (type === 'text') return undefined
  if (type === 'content') return memberOf(source, 'content')
  throw unsupported(param, 'has a document that is not plain text')
}

function fetchedContent(result: unknown, param: string): unknown {
  const type = memberOf(result, 'type')
  if (type === 'web_fetch_result') return [memberOf(result, 'content')]
  if (type === 'web_fetch_tool_result_error') return undefined
  throw unsupported(param, 'has a fetched page without a type')
}

/** A member of whatever came; undefined for what is no object. */
export function memberOf(value: unknown, key: string): unknown {
  return typeof value === 'object' && value !== null ? Reflect.get(value, key) : undefined
}

function unsupported(param: string, fault: string): ApiError {
  return new ApiError('invalid_request', { param, message: `${param} ${fault}, which is not supported here.` })
}

const nestingBlocks = new Set(['tool_result', 'search_result'])
/** The results of a search are encrypted for the account that searched. */
const signedBlocks = new Set(['thinking', 'redacted_thinking', 'web_search_tool_result'])
/** Blocks whose tokens are fewer than their bytes. */
const boundedBlocks = new Set(['text', 'tool_use', 'server_tool_use', 'tool_reference', 'browser_state'])
