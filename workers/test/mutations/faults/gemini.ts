import { faultsIn } from '../fault.ts'

const reading = ['workers/proxy/dialects/gemini-usage.test.ts']
const asking = ['workers/proxy/dialects/gemini-content.test.ts']
const streaming = ['workers/proxy/answer/gemini-stream.test.ts']

/** What a Gemini answer reports, and what a Gemini request may cost. */
export const gemini = [
  ...faultsIn('workers/proxy/dialects/gemini-usage.ts', reading, [
    {
      promise: 'thoughts are billed on top of the candidates',
      find: '(candidates ?? 0) + (thoughtsTokenCount ?? 0)',
      replace: '(candidates ?? 0)',
    },
    {
      promise: 'what was cached is not billed twice',
      find: 'promptTokenCount - (cachedContentTokenCount ?? 0) - inputAudio',
      replace: 'promptTokenCount - inputAudio',
    },
    { promise: 'results of tools are billed as input', find: ' + (toolUsePromptTokenCount ?? 0),', replace: ',' },
    { promise: 'usage is cumulative: the last one counts', find: '?? reading.usage\n', replace: '&& reading.usage\n' },
    {
      promise: 'a report that cannot be true is none',
      find: 'some((count = 0) => count < 0) ? null : withoutAbsent(usage)',
      replace: 'some((count = 0) => count < 0) ? withoutAbsent(usage) : withoutAbsent(usage)',
    },
    { promise: 'a count left out in mid-stream is no zero', find: 'left === 0 && hasEnded', replace: 'left === 0' },
    {
      promise: 'searches told in one chunk are billed at the end',
      find: 'Math.max(searches, reading.usage?.webSearches ?? 0)',
      replace: 'searches',
    },
  ]),
  ...faultsIn('workers/proxy/dialects/gemini-content.ts', asking, [
    { promise: 'every candidate is held for', find: 'choices: generationConfig?.candidateCount ?? 1', replace: 'choices: 1' },
    {
      promise: 'no field is given twice, so that the bound is the one that counts',
      find: 'if (hasRepeatedKey(request.text, request.body))',
      replace: 'if (false)',
    },
  ]),
  ...faultsIn('workers/proxy/dialects/proto-json.ts', asking, [
    { promise: 'a field is not given under both of its names', find: 'if (fields.has(name)) context', replace: 'if (false) context' },
  ]),
  ...faultsIn('workers/proxy/dialects/json-elements.ts', streaming, [
    {
      promise: 'a bracket in a text ends no element',
      find: 'else if (!this.#isInString) return',
      replace: 'else return',
    },
  ]),
]
