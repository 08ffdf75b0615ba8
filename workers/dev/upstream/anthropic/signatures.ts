import { createHmac } from 'node:crypto'

/**
 * What only the account of this key could have made: the end of thinking, thinking that is not shown, the content of a
 * search result. A pure function of both, so any change of the text and any other account is noticed.
 */
export function sign(key: string, purpose: 'thinking' | 'redacted' | 'search', text: string): string {
  return `Scripted${createHmac('sha256', key).update(`${purpose}\n${text}`).digest('base64')}`
}
