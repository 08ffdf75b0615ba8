import { faultsIn } from '../fault.ts'

const settling = ['workers/proxy/admission/settlement.test.ts']
const reading = ['workers/proxy/dialects/openai-chat-usage.test.ts']
const together = ['workers/proxy/admission/settle-together.test.ts']
const bounding = ['workers/proxy/dialects/openai-chat.test.ts']

const metering = ['workers/proxy/answer/stream-meter.test.ts']
const streaming = ['workers/proxy/answer/stream-answer.test.ts']
const relaying = ['workers/proxy/relay.test.ts']
const holding = [...relaying, 'workers/proxy/admission/hold.test.ts']
const counting = ['workers/proxy/admission/count-tokens.test.ts']
const leasing = ['workers/proxy/admission/lease.test.ts']
const admitting = ['workers/proxy/admission/admit.test.ts']
const guessing = ['workers/proxy/caller/unknown-keys.test.ts']

/** What a request may cost, what it used, and that it is settled once. */
export const proxy = [
  ...faultsIn('workers/proxy/admission/settlement.ts', settling, [
    {
      promise: 'what was delivered and not reported is estimated',
      find: 'if (deliveredBytes === 0) return',
      replace: 'if (deliveredBytes >= 0) return',
    },
    {
      promise: 'an explicit zero is not an absent count',
      find: 'reported.outputTokens === undefined && deliveredBytes > 0',
      replace: '!reported.outputTokens && deliveredBytes > 0',
    },
    {
      promise: 'output without its count is not free',
      find: 'return { usage: { ...reported, outputTokens: tokensOf(deliveredBytes) }, estimated: true }',
      replace: '',
    },
    {
      promise: 'a blank answer is not charged',
      find: 'const isBlank = deliveredBytes === 0 &&',
      replace: 'const isBlank = deliveredBytes < 0 &&',
    },
    {
      promise: 'an answer that was delivered is charged though it ended in an error',
      find: 'const isBlank = deliveredBytes === 0 &&',
      replace: 'const isBlank =',
    },
    {
      promise: 'a report beyond counting is no report',
      find: 'reading.usage && hasCost(reading.usage, price) ? reading.usage : null',
      replace: 'reading.usage',
    },
    {
      promise: 'an estimate is rounded up',
      find: 'return Math.ceil(bytes / bytesPerToken)',
      replace: 'return Math.floor(bytes / bytesPerToken)',
    },
  ]),
  ...faultsIn('workers/proxy/dialects/openai-chat-usage.ts', reading, [
    {
      promise: 'cached tokens are not billed twice',
      find: 'prompt_tokens - sum(input?.cached_tokens, input?.cache_write_tokens, input?.audio_tokens)',
      replace: 'prompt_tokens',
    },
    { promise: 'more cached tokens than there are is no report', find: '(usage.inputTokens ?? 0) < 0 || ', replace: '' },
    {
      promise: 'a count of zero is reported',
      find: "typeof completion_tokens === 'number' ?",
      replace: 'completion_tokens ?',
    },
    {
      promise: 'later usage replaces earlier',
      find: 'reading.usage = readUsage(usage) ?? reading.usage',
      replace: 'reading.usage = reading.usage ?? readUsage(usage)',
    },
    {
      promise: 'a null forgets no usage',
      find: 'reading.usage = readUsage(usage) ?? reading.usage',
      replace: 'reading.usage = readUsage(usage)',
    },
    { promise: 'calls of tools are output', find: 'function_call, ...calls]', replace: 'function_call]' },
    { promise: 'reasoning is delivered once', find: 'reasoning_content ?? reasoning,', replace: 'reasoning_content, reasoning,' },
  ]),
  ...faultsIn('workers/proxy/dialects/delivered-bytes.ts', reading, [
    { promise: 'output is counted in bytes', find: 'encoder.encode(value).length', replace: 'value.length' },
  ]),
  ...faultsIn('workers/proxy/answer/stream-meter.ts', metering, [
    { promise: 'the meter keeps a copy of each chunk', find: 'this.#kept.push(chunk.slice())', replace: 'this.#kept.push(chunk)' },
    {
      promise: 'a usage beside an error is read from the whole',
      find: ' && !reading.failed\n',
      replace: '\n',
    },
    { promise: 'a last event without its blank line counts', find: '    this.#take(this.#reading, this.#splitter.pending)\n', replace: '' },
    {
      promise: 'what was kept is parsed before it is let go',
      find: 'if (this.#keptBytes > unparsedBytes) this.#parse()',
      replace: 'if (this.#keptBytes > unparsedBytes) this.#kept = []',
    },
  ]),
  ...faultsIn('workers/proxy/answer/stream-answer.ts', streaming, [
    {
      promise: 'a stream that is copied is metered',
      find: '      meter.push(value)\n      await forward',
      replace: '      await forward',
    },
    { promise: 'a stream that is piped is metered', find: '      meter.push(gulp.value)\n', replace: '' },
  ]),
  ...faultsIn('workers/proxy/dialects/openai-chat.ts', bounding, [
    {
      promise: 'input is bounded by bytes, not characters',
      find: 'inputTokensBound: bytes.length +',
      replace: 'inputTokensBound: text.length +',
    },
    { promise: 'images are bounded', find: 'images += 1', replace: 'images += 0' },
    { promise: 'every choice is counted', find: 'choices: body.n ?? 1', replace: 'choices: 1' },
    {
      promise: 'what the client asked for bounds the output',
      find: 'body.max_completion_tokens ?? body.max_tokens ?? null',
      replace: 'body.max_completion_tokens ?? null',
    },
    { promise: 'a dearer tier is refused', find: "z.enum(['auto', 'default'])", replace: "z.enum(['auto', 'default', 'priority'])" },
  ]),
  ...faultsIn('workers/proxy/admission/hold.ts', holding, [
    { promise: 'a hold covers every choice', find: 'maxTokens * call.choices', replace: 'maxTokens' },
    {
      promise: 'a hold covers what the model may say when the client sets no limit',
      find: 'call.maxOutputTokens ?? Math.max(...offers.map(({ model }) => model.maxOutputTokens))',
      replace: 'call.maxOutputTokens ?? 1',
    },
    { promise: 'images are held for beside the counted text', find: 'null : uncountedTokens + counted', replace: 'null : counted' },
    { promise: 'a counted hold fits what is left', find: ' && hold.holdNanos <= room.holdNanos', replace: '' },
    {
      promise: 'the output is held for beside the input',
      find: '...call.extras, inputTokens, outputTokens }, offers)',
      replace: '...call.extras, inputTokens, outputTokens: 0 }, offers)',
    },
  ]),
  ...faultsIn('workers/proxy/admission/count-tokens.ts', counting, [
    { promise: 'a tokenizer nobody has published is counted with a margin', find: 'factor * (countSlice', replace: '(countSlice' },
    { promise: 'every slice of a text is counted', find: 'start += slice.length', replace: 'start += 2 * slice.length' },
    { promise: 'what a cut may hide is counted', find: ' + hiddenTokens)', replace: ')' },
    { promise: 'what a provider sets around a text is counted', find: 'factor * tokensPerFrame * frames', replace: '0' },
  ]),
  ...faultsIn(
    'workers/proxy/dialects/prompt-texts.ts',
    ['workers/proxy/dialects/openai-chat-prompt.test.ts'],
    [
      {
        promise: 'keys are counted beside values',
        find: 'if (!Array.isArray(value)) texts.push(key)',
        replace: 'if (key === "") texts.push(key)',
      },
    ],
  ),
  ...faultsIn(
    'workers/proxy/dialects/openai-chat-prompt.ts',
    ['workers/proxy/dialects/openai-chat-prompt.test.ts'],
    [
      {
        promise: 'of the parts of a message only images are left out',
        find: "=== 'image_url')",
        replace: "!== 'audio')",
      },
      { promise: 'tools and schemas are counted beside messages', find: '[...spoken.texts, ...comments]', replace: 'spoken.texts' },
    ],
  ),
  ...faultsIn('workers/proxy/relay.ts', relaying, [
    {
      promise: 'no more output is asked for than the model has',
      find: 'call.maxOutputTokens <= maxOutputTokens',
      replace: 'call.maxOutputTokens <= Infinity',
    },
  ]),
  ...faultsIn('workers/proxy/answer/admitted-call.ts', relaying, [
    {
      promise: 'a request whose upstream fails is settled',
      find: "if (this.#attempts.offer) this.#settle(emptyReading(), 'upstream_error', failure.status)",
      replace: 'if (this.#attempts.offer) void failure',
    },
    {
      promise: 'a whole answer is settled',
      find: "const settlement = this.#settle(reading, 'completed', 200)",
      replace: "const settlement = this.#settlement(reading, 'completed', 200)",
    },
    { promise: 'a lease is renewed with what has passed so far', find: '    this.#progress = () => meter.progress()\n', replace: '' },
  ]),
  ...faultsIn('workers/proxy/admission/lease.ts', leasing, [
    { promise: 'a request is settled once', find: "    assert(!this.#isSettled, 'a request was settled twice')\n", replace: '' },
    { promise: 'a settled request renews no lease', find: '    clearInterval(this.#timer)\n', replace: '' },
    { promise: 'a lease is renewed in time', find: 'admission.leaseMs / 3', replace: 'admission.leaseMs * 3' },
    {
      promise: 'a renewal carries its report and its hold',
      find: '{ ...this.#admission.reference, report }',
      replace: '{ ...this.#admission.reference, holdNanos: 0, report }',
    },
  ]),
  ...faultsIn('workers/proxy/admission/admit.ts', admitting, [
    { promise: 'a request lives with the hold it was admitted with', find: '      reference = identified(tighter)\n', replace: '' },
    {
      promise: 'a hold whose admission was not answered is given back',
      find: '    exchange.waitUntil(Promise.resolve(surroundings.ledgerOf(organizationId).release({ requestId })).catch(() => undefined))\n',
      replace: '',
    },
    {
      promise: 'a refusal ends the request',
      find: "if (outcome.outcome === 'refused') {",
      replace: "if (outcome.outcome === 'refused' && outcome.retryAfterMs === null) {",
    },
    {
      promise: 'a ledger that cannot be asked admits nothing',
      find: 'throw unavailable()\n  }\n}\n\n/** Durable',
      replace: 'return await Promise.race<AdmitOutcome>([])\n  }\n}\n\n/** Durable',
    },
    {
      promise: 'an admission asks for what was bounded',
      find: '...(snapshot && { snapshot }),',
      replace: '...(snapshot && { snapshot, holdNanos: 0 }),',
    },
  ]),
  ...faultsIn('workers/proxy/admission/settle-together.ts', together, [
    {
      promise: 'a settlement goes to the ledger of its own customer',
      find: 'const open = gatherings.get(organizationId)',
      replace: 'const [open] = gatherings.values()',
    },
    {
      promise: 'a follower does not believe a call that failed',
      find: '  return gathering.isAcknowledged\n}\n\n/** Whether',
      replace: '  return true\n}\n\n/** Whether',
    },
    { promise: 'a call that failed is not acknowledged', find: '    return false\n', replace: '    return true\n' },
    {
      promise: 'a settlement that was not acknowledged is sent again',
      find: '    if (await trySettle([request], ledgerOf)) return\n',
      replace: '',
    },
    { promise: 'a gathering whose leader died is not joined', find: ' && Date.now() - open.startedAtMs <= 2 * gatherMs', replace: '' },
    {
      promise: 'a gathering that has left is not joined',
      find: '  if (gatherings.get(organizationId) === gathering) gatherings.delete(organizationId)\n',
      replace: '',
    },
  ]),
  ...faultsIn('workers/proxy/caller/unknown-keys.ts', guessing, [
    {
      promise: 'guessed keys are counted while Redis is away',
      find: '?? seenHere.count(clientIp) ?? 0',
      replace: '?? 0',
      money: false,
    },
    {
      promise: 'guessed keys are counted while Redis is silent',
      find: "    if (reason === 'timeout') return null\n",
      replace: '',
      money: false,
    },
    {
      promise: 'no request waits for the fetch of another',
      find: 'enableAutoPipelining: false',
      replace: 'enableAutoPipelining: true',
      money: false,
    },
  ]),
  ...faultsIn('workers/services/sliding-window.ts', guessing, [
    {
      promise: 'the minute before counts by its share',
      find: ' + before * ((endsAtMs - atMs) / this.#windowMs)',
      replace: '',
      money: false,
    },
  ]),
]
