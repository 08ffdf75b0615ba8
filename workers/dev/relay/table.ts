import Table from 'cli-table3'
import type { Limits } from '#shared/contracts/account.ts'
import { formatUsd, maxAmountNanos } from '#shared/values/money.ts'
import { printable } from './printable.ts'

/** Columns by heading; a heading that ends in a space is set to the right, as numbers are read. */
export function table(headings: string[], rows: (string | number)[][], empty: string): string {
  if (rows.length === 0) return empty
  const colAligns = headings.map((heading): 'left' | 'right' => (heading.endsWith(' ') ? 'right' : 'left'))
  const lines = new Table({ head: headings.map((heading) => heading.trim()), colAligns, style: plain, chars: light })
  for (const row of rows) lines.push(row.map((cell) => printable(String(cell))))
  return lines.toString().replaceAll(/ +$/gm, '')
}

/** Facts of one thing, one on a line. */
export function facts(entries: [string, string | number][]): string {
  const width = Math.max(...entries.map(([name]) => name.length))
  return entries.map(([name, value]) => `${name.padEnd(width)}  ${printable(String(value))}`).join('\n')
}

/** Dollars as people read them. */
export function usd(amountNanos: number): string {
  return `$${formatUsd(amountNanos)}`.replace('$-', '-$')
}

/** As usd, of a sum that may be larger than one amount ever is. */
export function usdOfSum(nanosText: string): string {
  const nanos = Number(nanosText)
  return Math.abs(nanos) <= maxAmountNanos ? usd(nanos) : `${nanosText} nano-dollars`
}

export function limitsText(limits: Limits): string {
  const dollars = (nanos: number | undefined) => (nanos === undefined ? undefined : usd(nanos))
  const named: [string, number | string | undefined][] = [
    ['requests/min', limits.requestsPerMinute],
    ['tokens/min', limits.tokensPerMinute],
    ['requests/day', limits.requestsPerDay],
    ['at once', limits.concurrency],
    ['a day', dollars(limits.spendPerDayNanos)],
    ['a month', dollars(limits.spendPerMonthNanos)],
  ]
  const set = named.filter(([, value]) => value !== undefined).map(([name, value]) => `${value} ${name}`)
  return set.length > 0 ? set.join(', ') : 'none'
}

const plain = { head: [], border: [], 'padding-left': 0, 'padding-right': 2 }
const none = {
  top: '',
  'top-mid': '',
  'top-left': '',
  'top-right': '',
  bottom: '',
  'bottom-mid': '',
  'bottom-left': '',
  'bottom-right': '',
}
const light = { ...none, left: '', 'left-mid': '', mid: '', 'mid-mid': '', right: '', 'right-mid': '', middle: '' }
