import type { Price } from './cost.ts'

/** Whether an amount becomes twice or half as much, or more than that, or free, or no longer free: nobody means that without saying so. */
export function isPriceJump(from: number, to: number): boolean {
  return from !== to && Math.max(from, to) >= 2 * Math.min(from, to)
}

/** Every amount of a price by its name, those of long contexts as `longContext.inputPicos`. */
export function amountsOf({
  inputPicos,
  cacheReadPicos,
  cacheWrite5mPicos,
  cacheWrite1hPicos,
  outputPicos,
  units = {},
}: Price): Map<string, number> {
  const { longContext, ...pieces } = units
  const amounts = new Map<string, number>()
  const add = (prefix: string, named: Record<string, number | undefined>) => {
    for (const [name, amount] of Object.entries(named)) if (amount !== undefined) amounts.set(prefix + name, amount)
  }
  add('', { inputPicos, cacheReadPicos, cacheWrite5mPicos, cacheWrite1hPicos, outputPicos, ...pieces })
  add('longContext.', { ...longContext })
  return amounts
}

/** Whether any amount that both prices have jumps. What only one of them sells is no jump. */
export function pricesJump(from: Price, to: Price): boolean {
  const amounts = amountsOf(to)
  return [...amountsOf(from)].some(([name, amount]) => {
    const next = amounts.get(name)
    return next !== undefined && isPriceJump(amount, next)
  })
}
