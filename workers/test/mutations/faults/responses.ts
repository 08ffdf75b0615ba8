import { faultsIn } from '../fault.ts'

const reading = ['workers/proxy/dialects/openai-responses-usage.test.ts']
const streaming = ['workers/proxy/dialects/openai-responses-stream.test.ts']
const judging = ['workers/proxy/dialects/openai-responses-input.test.ts']
const continuing = ['workers/proxy/answer/answer-routes.test.ts']

/** OpenAI's responses: what an answer used, and what of one customer another must not reach. */
export const responses = [
  ...faultsIn('workers/proxy/dialects/openai-responses-usage.ts', reading, [
    {
      promise: 'cached tokens of a response are not billed as input',
      find: "prompt_tokens_details: memberOf(usage, 'input_tokens_details'),",
      replace: '',
    },
    {
      promise: 'a text that the whole response says again counts once',
      find: 'reading.deliveredBytes = Math.max(reading.deliveredBytes, outputBytes(items))',
      replace: 'reading.deliveredBytes += outputBytes(items)',
    },
    { promise: 'a failed response is known to have failed', find: "status === 'failed' || ", replace: '' },
    {
      promise: 'searches of the web are charged',
      find: 'webSearches > 0 ? { ...reported, webSearches } : reported',
      replace: 'reported',
    },
  ]),
  ...faultsIn('workers/proxy/dialects/openai-responses-usage.ts', streaming, [
    {
      promise: 'usage of a streamed response is read where it stands',
      find: 'const whole = response ?? (',
      replace: 'const whole = (',
    },
  ]),
  ...faultsIn('workers/proxy/dialects/openai-responses-input.ts', judging, [
    {
      promise: 'an item of nobody known is not read from our account',
      find: "? 'message' : 'item_reference'",
      replace: "? 'message' : 'message'",
    },
  ]),
  ...faultsIn('workers/proxy/answer/answer-routes.ts', continuing, [
    {
      promise: 'the answer of one customer is not continued by another',
      find: '`${organizationId}\\n${answerId}`',
      replace: 'answerId',
    },
  ]),
  ...faultsIn('workers/proxy/relay.ts', continuing, [
    {
      promise: 'what is continued is held for as input',
      find: 'inputTokensBound: call.inputTokensBound + tokens',
      replace: 'inputTokensBound: call.inputTokensBound',
    },
  ]),
]
