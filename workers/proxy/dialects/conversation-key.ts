import { conversationKeyLength } from '../limits.ts'

/**
 * What all requests of one conversation begin with: its messages up to the first of the user, each cut to a length; what follows is not there in the
 * first request. Marks for a cache are left out, because they move on with each turn. It is compared, and never kept.
 */
export function beginningOf(messages: readonly unknown[]): string {
  const first = messages.findIndex((message) => typeof message === 'object' && message !== null && Reflect.get(message, 'role') === 'user')
  return messages
    .slice(0, Math.max(first, 0) + 1)
    .slice(-2)
    .map((message) => JSON.stringify(message, withoutMarks).slice(0, conversationKeyLength))
    .join('\n')
}

function withoutMarks(key: string, value: unknown): unknown {
  return key === 'cache_control' ? undefined : value
}
