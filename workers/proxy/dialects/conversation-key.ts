import { conversationKeyLength } from '../limits.ts'

/** What all requests of one conversation begin with: its first two messages, cut to a length. It is compared, and never kept. */
export function beginningOf(messages: readonly unknown[]): string {
  return messages
    .slice(0, 2)
    .map((message) => JSON.stringify(message).slice(0, conversationKeyLength))
    .join('\n')
}
