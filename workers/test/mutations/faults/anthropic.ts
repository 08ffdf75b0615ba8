import { faultsIn } from '../fault.ts'

const usage = ['workers/proxy/dialects/anthropic-usage.test.ts']
const requests = ['workers/proxy/dialects/anthropic-messages.test.ts']

/** What Anthropic's dialect reads of usage, and what it bounds. */
export const anthropic = [
  ...faultsIn('workers/proxy/dialects/anthropic-usage.ts', usage, [
    {
      promise: 'the first token of a message is not its last',
      find: "(state === 'ended' ? output_tokens : null) ?? earlier?.outputTokens",
      replace: 'output_tokens ?? earlier?.outputTokens',
    },
    {
      promise: 'a later report keeps what it does not name',
      find: 'cache_read_input_tokens ?? earlier?.cacheReadTokens',
      replace: 'cache_read_input_tokens ?? undefined',
    },
    {
      promise: 'a later report replaces the earlier, and is not added',
      find: 'const inputTokens = input_tokens ?? earlier?.inputTokens',
      replace: 'const inputTokens = earlier?.inputTokens ? earlier.inputTokens + (input_tokens ?? 0) : (input_tokens ?? undefined)',
    },
    {
      promise: 'what is written for an hour is not billed as five minutes too',
      find: 'cacheWrite5mTokens: sum - (hour ?? 0),',
      replace: 'cacheWrite5mTokens: sum,',
    },
    { promise: 'a report without its input is none', find: 'inputTokens === undefined || written === null', replace: 'written === null' },
    {
      promise: 'what was delivered is counted, whatever form it has',
      find: 'for (const block of [...(content ?? []), content_block, delta])',
      replace: 'for (const block of [...(content ?? []), content_block])',
    },
  ]),
  ...faultsIn('workers/proxy/dialects/anthropic-content.ts', requests, [
    {
      promise: 'a block whose tokens nothing bounds is refused',
      find: 'else if (!boundedBlocks.has(type)) throw',
      replace: 'else if (type === "") throw',
    },
    {
      promise: 'an image counts wherever it stands',
      find: "new Set(['tool_result', 'search_result'])",
      replace: "new Set(['search_result'])",
    },
  ]),
  ...faultsIn('workers/proxy/dialects/anthropic-tools.ts', requests, [
    {
      promise: 'what a search finds is bounded',
      find: 'describedToolTokens + webSearches * webSearchTokens',
      replace: 'describedToolTokens',
    },
  ]),
]
