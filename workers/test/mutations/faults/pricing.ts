import { faultsIn } from '../fault.ts'

const costs = ['shared/pricing/cost.test.ts']
const amounts = ['shared/values/money.test.ts']

/** What things cost, and how an amount of money is written. */
export const pricing = [
  ...faultsIn('shared/pricing/cost.ts', costs, [
    {
      promise: 'a fraction of a nano is never free',
      find: 'return Math.ceil(picos / 1_000)',
      replace: 'return Math.floor(picos / 1_000)',
    },
    {
      promise: 'a cost that cannot be counted exactly is an assertion',
      find: "assert(Number.isSafeInteger(picos), 'cost no longer fits a safe integer')",
      replace: "assert(picos >= 0, 'cost no longer fits a safe integer')",
    },
    {
      promise: 'a bound is rounded up like the cost',
      find: '? Math.ceil(picos / 1_000) : null',
      replace: '? Math.floor(picos / 1_000) : null',
    },
    { promise: 'a bound takes the dearest input price', find: 'Math.max(price.inputPicos,', replace: 'Math.min(price.inputPicos,' },
    {
      promise: 'a bound covers the output',
      find: '* dearestInputPicos + tokens.outputTokens * price.outputPicos',
      replace: '* dearestInputPicos',
    },
    {
      promise: 'a bound beyond all counting is none',
      find: 'return Number.isSafeInteger(picos) ? Math',
      replace: 'return Number.isFinite(picos) ? Math',
    },
    {
      promise: 'a usage without a countable cost is told before it is counted',
      find: 'return Number.isSafeInteger(picosOf(usage, price))',
      replace: 'return Number.isFinite(picosOf(usage, price))',
    },
    { promise: 'tokens from the cache cost', find: '    (usage.cacheReadTokens ?? 0) * price.cacheReadPicos +\n', replace: '' },
    {
      promise: 'each cache write has its own price',
      find: '?? 0) * price.cacheWrite1hPicos',
      replace: '?? 0) * price.cacheWrite5mPicos',
    },
    {
      promise: 'reasoning is not billed again',
      find: '(usage.outputTokens ?? 0) * price.outputPicos',
      replace: '((usage.outputTokens ?? 0) + (usage.reasoningTokens ?? 0)) * price.outputPicos',
    },
  ]),
  ...faultsIn('shared/pricing/usage.ts', costs, [
    { promise: 'a count of tokens is not negative', find: 'z.int().min(0).max(1_000_000_000)', replace: 'z.int().max(1_000_000_000)' },
    {
      promise: 'rate limits count cached tokens too',
      find: '    (usage.cacheReadTokens ?? 0) +\n',
      replace: '',
      money: false,
    },
  ]),
  ...faultsIn('shared/values/money.ts', amounts, [
    { promise: 'an amount is whole', find: 'Number.isSafeInteger(amountNanos) && Math', replace: 'Math' },
    { promise: 'an amount has a largest', find: '&& Math.abs(amountNanos) <= maxAmountNanos', replace: '' },
    { promise: 'a cost is not negative', find: 'z.int().min(0).max(maxAmountNanos)', replace: 'z.int().max(maxAmountNanos)' },
    { promise: 'ten cents are not ten nanos', find: "fraction.padEnd(9, '0')", replace: "fraction.padStart(9, '0')" },
    { promise: 'a debit is read as a debit', find: "sign === '-' ? -nanos : nanos", replace: 'nanos' },
    {
      promise: 'an amount out of range is not read',
      find: 'return Math.abs(signed) <= maxAmountNanos ? signed : null',
      replace: 'return signed',
    },
    { promise: 'a debit is written as a debit', find: "amountNanos < 0 ? '-' : ''", replace: "''" },
  ]),
]
