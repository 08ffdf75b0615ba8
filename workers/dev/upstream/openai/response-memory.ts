// A journey continues what it has just made; older conversations may go.
const maxRemembered = 20_000

/** What this process answered with `store` on, so that it can be continued: tokens by the key of the account and the id of a response or of an item. */
const remembered = new Map<string, number>()

/** Keeps how many prompt tokens the response or item is worth to a request that names it. */
export function remember(key: string, id: string, tokens: number): void {
  if (remembered.size >= maxRemembered) remembered.delete(remembered.keys().next().value ?? '')
  remembered.set(`${key} ${id}`, tokens)
}

/** Prompt tokens of what was stored under the id; null when this account never stored it here. */
export function recall(key: string, id: string): number | null {
  return remembered.get(`${key} ${id}`) ?? null
}
