import { scriptOf } from '../behaviours.ts'
import type { JsonObject } from '../json-body.ts'
import { play } from '../play.ts'
import { seedOf } from '../text.ts'
import { invalidArgument, unknownModel } from './errors.ts'
import { countPrompt, sumCounts } from './prompt.ts'
import { answerError, type Call, commonPart } from './replies.ts'
import { type Content, type CountTokensRequest, readCountTokens } from './requests.ts'
import { checkContents, checkGenerate, fieldFault } from './rules.ts'

/** `:countTokens`. It consumes nothing, so the record keeps counts of zero. */
export async function answerCountTokens(call: Call, body: JsonObject): Promise<void> {
  const { exchange, version, model, format } = call
  const script = scriptOf(model)
  if (!script) return answerError(exchange, unknownModel(version, model, 'countTokens'), format)
  exchange.record.behaviour = script.name
  const read = readCountTokens(body)
  if ('error' in read) return answerError(exchange, read.error, format)
  const error = checkCountTokens(read.request)
  if (error) return answerError(exchange, error, format)
  const counts = countPrompt(listContents(read.request))
  await play(exchange, script, {
    ...commonPart(call, script),
    stream: false,
    seed: seedOf(`${model}\n${JSON.stringify(read.request)}`),
    visibleTokens: 0,
    hiddenTokens: 0,
    usage: null,
    renderBody: () => `${JSON.stringify({ totalTokens: sumCounts(counts), promptTokensDetails: counts })}\n`,
    renderEvents: () => [],
  })
}

function checkCountTokens({ contents, generateContentRequest }: CountTokensRequest): ReturnType<typeof checkGenerate> {
  if (contents && generateContentRequest) {
    return invalidArgument(fieldFault('CountTokensRequest', 'contents and generate_content_request are mutually exclusive.'))
  }
  if (generateContentRequest) return checkGenerate(generateContentRequest)
  const faults = checkContents('CountTokensRequest', contents)
  return faults.length > 0 ? invalidArgument(faults.join('')) : null
}

function listContents({ contents, generateContentRequest = {} }: CountTokensRequest): Content[] {
  if (contents) return contents
  const { systemInstruction, contents: prompt = [] } = generateContentRequest
  return systemInstruction ? [systemInstruction, ...prompt] : prompt
}
