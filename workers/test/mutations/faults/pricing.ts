import { faultsIn } from '../fault.ts'

const costs = ['shared/pricing/cost.test.ts', 'shared/pricing/units.test.ts']
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
    {
      promise: 'a bound takes the dearest input price',
      find: '[rate.inputPicos, rate.cacheReadPicos, rate.cacheWrite5mPicos, rate.cacheWrite1hPicos]',
      replace: '[rate.inputPicos]',
    },
    { promise: 'a bound covers the output', find: ' + bound.outputTokens * dearestOutput', replace: '' },
    {
      promise: 'a bound covers the prices of a long context',
      find: 'bound.inputTokens > longContext.aboveInputTokens ? [price, longContext] : [price]',
      replace: 'bound.inputTokens > longContext.aboveInputTokens ? [price] : [price]',
    },
    {
      promise: 'a bound covers the prices below a long context',
      find: '? [price, longContext] : [price]',
      replace: '? [longContext] : [price]',
    },
    { promise: 'a bound covers images that are read', find: '    units.inputImagePicos ?? 0,\n', replace: '' },
    { promise: 'a bound covers images that are made of tokens', find: '    units.outputImagePicos ?? 0,\n', replace: '' },
    { promise: 'a bound covers audio that is heard', find: 'bound.audio ? (units.inputAudioPicos ?? 0) : 0', replace: '0' },
    { promise: 'a bound covers audio that is spoken', find: 'bound.audio ? (units.outputAudioPicos ?? 0) : 0', replace: '0' },
    { promise: 'a bound covers every piece', find: ' + piecePicos(bound, units)', replace: '' },
    { promise: 'a bound covers the request itself', find: ' + requestPicos(units)\n', replace: '\n' },
    {
      promise: 'a bound beyond all counting is none',
      find: 'return Number.isSafeInteger(picos) ? Math',
      replace: 'return Number.isFinite(picos) ? Math',
    },
    {
      promise: 'a usage without a countable cost is told before it is counted',
      find: '&& Number.isSafeInteger(picosOf(usage, price))',
      replace: '&& Number.isFinite(picosOf(usage, price))',
    },
    { promise: 'tokens from the cache cost', find: '    (usage.cacheReadTokens ?? 0) * rate.cacheReadPicos +\n', replace: '' },
    {
      promise: 'each cache write has its own price',
      find: '?? 0) * rate.cacheWrite1hPicos',
      replace: '?? 0) * rate.cacheWrite5mPicos',
    },
    {
      promise: 'reasoning is not billed again',
      find: '(usage.outputTokens ?? 0) * rate.outputPicos',
      replace: '((usage.outputTokens ?? 0) + (usage.reasoningTokens ?? 0)) * rate.outputPicos',
    },
    {
      promise: 'a long context has its own prices',
      find: 'inputTokensOf(usage) > longContext.aboveInputTokens ? longContext : price',
      replace: 'inputTokensOf(usage) > longContext.aboveInputTokens ? price : price',
    },
    {
      promise: 'a long context begins beyond its threshold',
      find: 'inputTokensOf(usage) > longContext',
      replace: 'inputTokensOf(usage) >= longContext',
    },
    {
      promise: 'audio without its own price costs what text does',
      find: 'units.inputAudioPicos ?? rate.inputPicos',
      replace: 'units.inputAudioPicos ?? 0',
    },
    {
      promise: 'audio that is spoken has its own price',
      find: '(units.outputAudioPicos ?? rate.outputPicos)',
      replace: 'rate.outputPicos',
    },
    {
      promise: 'images made of tokens have their own price',
      find: '(units.outputImagePicos ?? rate.outputPicos)',
      replace: 'rate.outputPicos',
    },
    { promise: 'a request has its own price', find: '? picos + requestPicos(units) : picos', replace: '? picos : picos' },
    {
      promise: 'a request that used nothing is free',
      find: '.some((count = 0) => count > 0)',
      replace: '.every((count = 0) => count >= 0)',
    },
    { promise: 'an image is priced in nanos', find: '(units.imageNanos ?? 0) * 1_000', replace: '(units.imageNanos ?? 0)' },
    { promise: 'audio is counted in milliseconds', find: '(units.secondNanos ?? 0) +', replace: '(units.secondNanos ?? 0) * 1_000 +' },
    { promise: 'characters cost', find: '    characters * (units.characterPicos ?? 0) +\n', replace: '' },
    { promise: 'a search is priced in nanos', find: '(units.webSearchNanos ?? 0) * 1_000', replace: '(units.webSearchNanos ?? 0)' },
    {
      promise: 'what has no price by the piece is not sold',
      find: 'return isSold(usage, price.units ?? {}) && ',
      replace: 'return ',
    },
    {
      promise: 'searches without a price are not sold',
      find: '(webSearches === 0 || units.webSearchNanos !== undefined)',
      replace: 'true',
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
    { promise: 'audio makes a context long', find: '    (usage.inputAudioTokens ?? 0) +\n', replace: '' },
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
