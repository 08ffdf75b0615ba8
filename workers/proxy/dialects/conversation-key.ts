import { conversationKeyLength } from '../limits.ts'

/**
 * What all requests of one conversation begin with: its first two messages, cut to a length. Marks for a cache are left out, because they move on with
 * each turn. It is compared, and never kept.
 */
export function beginningOf(messages: readonly unknown[]): string {
  return messages
    .slice(0, 2)
    .map((message) => JSON.stringify(message, withoutMarks).slice(0, conversationKeyLength))
    .join('\n')
}

function withoutMarks(key: string, value: unknown): unknown {
  return key === 'cache_control' ? undefined : value
}
