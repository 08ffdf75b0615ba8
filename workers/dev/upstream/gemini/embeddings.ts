import { type Script, scriptOf } from '../behaviours.ts'
import type { JsonObject } from '../json-body.ts'
import { play } from '../play.ts'
import { countWords, makeVector, seedOf } from '../text.ts'
import { invalidArgument, unknownModel } from './errors.ts'
import { answerError, type Call, commonPart } from './replies.ts'
import { type EmbedRequest, readBatchEmbed, readEmbed } from './requests.ts'
import { checkContent, fieldFault } from './rules.ts'
import { reportPromptUsage } from './usage.ts'

export const embeddingModel = 'scripted-embedding'

const usualDimensions = 3_072
const maxRequests = 100

/** `:embedContent`. The behaviours of generation apply as far as they make sense without a stream. */
export async function answerEmbedContent(call: Call, body: JsonObject): Promise<void> {
  const script = findScript(call, 'embedContent')
  if (!script) return
  const read = readEmbed(body)
  if ('error' in read) return answerError(call.exchange, read.error, call.format)
  const faults = checkEmbed('EmbedContentRequest', read.request)
  return answerVectors(call, script, [read.request], faults, ([embedding]) => `"embedding":${embedding}`)
}

/** `:batchEmbedContents`. Each of its requests names the model again. */
export async function answerBatchEmbedContents(call: Call, body: JsonObject): Promise<void> {
  const script = findScript(call, 'embedContent')
  if (!script) return
  const read = readBatchEmbed(body)
  if ('error' in read) return answerError(call.exchange, read.error, call.format)
  const { requests = [] } = read.request
  const faults = requests.flatMap((request, index) => {
    const at = `BatchEmbedContentsRequest.requests[${index}]`
    const isOwn = request.model === `models/${call.model}`
    return [...(isOwn ? [] : [fieldFault(`${at}.model`, 'does not match the model of the batch.')]), ...checkEmbed(at, request)]
  })
  if (requests.length === 0) faults.push(fieldFault('BatchEmbedContentsRequest.requests', 'requests is not specified'))
  if (requests.length > maxRequests) {
    faults.push(fieldFault('BatchEmbedContentsRequest.requests', `at most ${maxRequests} requests can be in one batch`))
  }
  return answerVectors(call, script, requests, faults, (embeddings) => `"embeddings":[${embeddings.join(',')}]`)
}

function findScript({ exchange, version, model, format }: Call, method: string): Script | null {
  const script = model === embeddingModel ? scriptOf('scripted-fast') : scriptOf(model)
  if (script) exchange.record.behaviour = script.name
  else answerError(exchange, unknownModel(version, model, method), format)
  return script
}

async function answerVectors(
  call: Call,
  script: Script,
  requests: readonly EmbedRequest[],
  faults: readonly string[],
  render: (embeddings: readonly string[]) => string,
): Promise<void> {
  const { exchange, model, format } = call
  if (faults.length > 0) return answerError(exchange, invalidArgument(faults.join('')), format)
  const promptTokens = requests.reduce((sum, request) => sum + countTokens(request), 0)
  exchange.record.promptTokens = promptTokens
  const usage = reportPromptUsage(promptTokens, script.behaviour.usage)
  await play(exchange, script, {
    ...commonPart(call, script),
    stream: false,
    seed: seedOf(`${model}\n${JSON.stringify(requests)}`),
    visibleTokens: 0,
    hiddenTokens: 0,
    usage: usage?.parsed ?? null,
    renderBody: () => {
      const embeddings = requests.map((request) => renderEmbedding(model, request))
      return `{${render(embeddings)}${usage ? `,"usageMetadata":${usage.json}` : ''}}\n`
    },
    renderEvents: () => [],
  })
}

function checkEmbed(at: string, { content, taskType, title, outputDimensionality = usualDimensions }: EmbedRequest): string[] {
  const faults = content ? checkContent(`${at}.content`, content) : [fieldFault(`${at}.content`, 'content is not specified')]
  if (title !== undefined && taskType !== 'RETRIEVAL_DOCUMENT') {
    faults.push(fieldFault(`${at}.title`, 'only allowed when task_type is RETRIEVAL_DOCUMENT.'))
  }
  if (outputDimensionality < 1 || outputDimensionality > usualDimensions) {
    faults.push(fieldFault(`${at}.output_dimensionality`, `must be in the range [1, ${usualDimensions}].`))
  }
  return faults
}

/** Only text counts here; a text without any word is still one token. */
function countTokens({ content }: EmbedRequest): number {
  const words = (content?.parts ?? []).reduce((sum, { text = '' }) => sum + countWords(text), 0)
  return Math.max(1, words)
}

function renderEmbedding(model: string, { content, outputDimensionality = usualDimensions }: EmbedRequest): string {
  const vector = makeVector(seedOf(`${model}\n${JSON.stringify(content)}`), outputDimensionality)
  return JSON.stringify({ values: Array.from(vector) })
}
