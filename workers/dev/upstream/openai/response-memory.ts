// A journey continues what it has just made; older conversations may go.
const maxRemembered = 20_000

/** What this process answered with `store` on, so that it can be continued: tokens by the id of a response or of an item. */
const remembered = new Map<string, number>()

/** Keeps how many prompt tokens the response or item is worth to a request that names it. */
export function remember(id: string, tokens: number): void {
  if (remembered.size >= maxRemembered) remembered.delete(remembered.keys().next().value ?? '')
  remembered.set(id, tokens)
}

/** Prompt tokens of what was stored under the id; null when this process never stored it. */
export function recall(id: string): number | null {
  return remembered.get(id) ?? null
}
