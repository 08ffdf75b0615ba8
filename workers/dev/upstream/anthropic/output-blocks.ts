import { sign } from './signatures.ts'

/**
 * One block of an answer in both its forms: `whole` stands in a body; a stream sends `start` and then the deltas.
 * `tokens` are those the client sees, `hiddenTokens` those it pays without seeing.
 */
export type OutputBlock = {
  whole: Record<string, unknown>
  start: Record<string, unknown>
  listDeltas(): Delta[]
  tokens: number
  hiddenTokens: number
}

export type Delta = { delta: Record<string, unknown>; tokens: number }

export function textBlock(pieces: readonly string[]): OutputBlock {
  return {
    whole: { type: 'text', text: pieces.join('') },
    start: { type: 'text', text: '' },
    listDeltas: () => pieces.map((text) => ({ delta: { type: 'text_delta', text }, tokens: 1 })),
    tokens: pieces.length,
    hiddenTokens: 0,
  }
}

/** Thinking that is shown; its signature comes last. */
export function thinkingBlock(pieces: readonly string[], key: string): OutputBlock {
  const thinking = pieces.join('')
  const signature = sign(key, 'thinking', thinking)
  return {
    whole: { type: 'thinking', thinking, signature },
    start: { type: 'thinking', thinking: '', signature: '' },
    listDeltas: () => [
      ...pieces.map((piece) => ({ delta: { type: 'thinking_delta', thinking: piece }, tokens: 1 })),
      { delta: { type: 'signature_delta', signature }, tokens: 0 },
    ],
    tokens: pieces.length,
    hiddenTokens: 0,
  }
}

/** Thinking whose text the client did not want. */
export function omittedThinkingBlock(tokens: number, key: string): OutputBlock {
  return { ...thinkingBlock([], key), hiddenTokens: tokens }
}

export function redactedThinkingBlock(tokens: number, key: string): OutputBlock {
  return { ...atOnce({ type: 'redacted_thinking', data: sign(key, 'redacted', '') }), hiddenTokens: tokens }
}

/** A call of the client's own tool. Arguments that were cut are no JSON and leave the body's input empty. */
export function toolUseBlock(id: string, name: string, pieces: readonly string[]): OutputBlock {
  return { ...callBlock('tool_use', id, name, pieces), tokens: pieces.length }
}

/** A search by the provider: the call and what it found. Neither counts as output here. */
export function searchBlocks(id: string, query: string, key: string): OutputBlock[] {
  const url = `https://search.example/${query}`
  const found = { type: 'web_search_result', url, title: `About ${query}`, encrypted_content: sign(key, 'search', url), page_age: null }
  const call = callBlock('server_tool_use', id, 'web_search', [JSON.stringify({ query })])
  const listDeltas = (): Delta[] => call.listDeltas().map(({ delta }) => ({ delta, tokens: 0 }))
  return [{ ...call, listDeltas }, atOnce({ type: 'web_search_tool_result', tool_use_id: id, content: [found], caller })]
}

const caller = { type: 'direct' }

function callBlock(type: 'tool_use' | 'server_tool_use', id: string, name: string, pieces: readonly string[]): OutputBlock {
  const partial = (json: string, tokens: number): Delta => ({ delta: { type: 'input_json_delta', partial_json: json }, tokens })
  return {
    whole: { type, id, name, input: parseOrEmpty(pieces.join('')), caller },
    start: { type, id, name, input: {}, caller },
    listDeltas: () => [partial('', 0), ...pieces.map((piece) => partial(piece, 1))],
    tokens: 0,
    hiddenTokens: 0,
  }
}

function atOnce(block: Record<string, unknown>): OutputBlock {
  return { whole: block, start: block, listDeltas: () => [], tokens: 0, hiddenTokens: 0 }
}

function parseOrEmpty(json: string): unknown {
  try {
    return JSON.parse(json)
  } catch {
    return {}
  }
}
