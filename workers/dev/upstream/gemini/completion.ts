import { hash } from 'node:crypto'
import type { Script } from '../behaviours.ts'
import { defaultTokens, generatePieces, readTags, seedOf, type Tags } from '../text.ts'
import { fillSchema, splitTokens, writeJson } from '../tool-output.ts'
import { countPrompt, lastUserText, sumCounts } from './prompt.ts'
import type { FunctionDeclaration, GenerateRequest, GenerationConfig } from './requests.ts'
import type { GeminiUsage } from './usage.ts'

export type Candidate = {
  /** One token each; of a call, pieces of its arguments, which only go out together. */
  pieces: string[]
  call: { id: string; name: string; args: unknown } | null
  finishReason: 'STOP' | 'MAX_TOKENS' | 'SAFETY'
}

/** What is answered, before it takes the form of a body or a stream. */
export type Completion = {
  seed: number
  /** A summary of the thoughts, where the request wants to see them. */
  thought: string | null
  candidates: Candidate[]
  usage: GeminiUsage
}

const maxThoughtWords = 16

/** The whole answer as a pure function of the model, the contents, the limits and the tools. */
export function complete(model: string, request: GenerateRequest, script: Script): Completion {
  const { contents = [], systemInstruction, generationConfig = {} } = request
  const { maxOutputTokens, thinkingConfig = {}, candidateCount = 1 } = generationConfig
  const tags = readTags(lastUserText(contents))
  const cap = maxOutputTokens ?? null
  const seed = seedOf(`${model}\n${cap}\n${JSON.stringify([systemInstruction ?? null, contents])}`)
  const thoughts = Math.min(tags.reasoning, cap ?? tags.reasoning, budgetOf(thinkingConfig.thinkingBudget))
  const visibleCap = cap === null ? null : cap - thoughts
  const call = chooseCall(request, tags)
  const candidates = Array.from({ length: candidateCount }, (_, index) =>
    writeCandidate({ seed: seed + index, tags, visibleCap, script, call, generationConfig }),
  )
  const prompt = countPrompt(systemInstruction ? [systemInstruction, ...contents] : contents)
  const promptTokens = sumCounts(prompt)
  const isShown = thinkingConfig.includeThoughts === true && thoughts > 0
  return {
    seed,
    thought: isShown ? generatePieces(seed - 1, Math.min(thoughts, maxThoughtWords), 'plain').join('') : null,
    candidates,
    usage: {
      prompt,
      promptTokens,
      cachedTokens: Math.min(tags.cached, promptTokens),
      candidatesTokens: candidates.reduce((sum, candidate) => sum + candidate.pieces.length, 0),
      thoughtsTokens: thoughts * candidateCount,
    },
  }
}

/** A budget of -1 leaves it to the model. */
function budgetOf(thinkingBudget = -1): number {
  return thinkingBudget < 0 ? Number.POSITIVE_INFINITY : thinkingBudget
}

type CandidatePlan = {
  seed: number
  tags: Tags
  visibleCap: number | null
  script: Script
  call: FunctionDeclaration | null
  generationConfig: GenerationConfig
}

function writeCandidate({ seed, tags, visibleCap, script, call, generationConfig }: CandidatePlan): Candidate {
  const { output } = script.behaviour
  const wanted = tags.tokens ?? defaultTokens
  const length = visibleCap === null ? wanted : Math.min(wanted, visibleCap)
  if (call && output === undefined) return writeCall(call, seed, wanted, visibleCap)
  const structured = output === undefined ? writeStructured(generationConfig, seed, wanted, visibleCap) : null
  if (structured) return structured
  if (output === 'filtered') return { pieces: generatePieces(seed, length >> 1, 'plain'), call: null, finishReason: 'SAFETY' }
  const pieces = generatePieces(seed, length, output ?? 'plain', tags.textBytes)
  const isCut = output !== 'blank' && visibleCap !== null && wanted > visibleCap
  return { pieces, call: null, finishReason: isCut ? 'MAX_TOKENS' : 'STOP' }
}

/** Arguments come as one object, so a call that the limit cuts is no call at all. */
function writeCall(
  { name = '', parameters, parametersJsonSchema }: FunctionDeclaration,
  seed: number,
  wanted: number,
  cap: number | null,
): Candidate {
  const { pieces, isCut } = writeJson(parameters ?? parametersJsonSchema ?? {}, seed, wanted, cap)
  if (isCut) return { pieces: [], call: null, finishReason: 'MAX_TOKENS' }
  const id = hash('sha1', String(seed), 'hex').slice(0, 8)
  return { pieces, call: { id, name, args: JSON.parse(pieces.join('')) }, finishReason: 'STOP' }
}

const anyObject = { type: 'object', properties: { text: { type: 'string' } } }

/** Null where the answer is plain text. */
function writeStructured(config: GenerationConfig, seed: number, wanted: number, cap: number | null): Candidate | null {
  const schema = config.responseSchema ?? config.responseJsonSchema ?? anyObject
  if (config.responseMimeType === 'text/x.enum') {
    const pieces = splitTokens(String(fillSchema(schema, 'word')))
    return { pieces: pieces.slice(0, cap ?? pieces.length), call: null, finishReason: 'STOP' }
  }
  if (config.responseMimeType !== 'application/json') return null
  const { pieces, isCut } = writeJson(schema, seed, wanted, cap)
  return { pieces, call: null, finishReason: isCut ? 'MAX_TOKENS' : 'STOP' }
}

function chooseCall({ tools = [], toolConfig }: GenerateRequest, tags: Tags): FunctionDeclaration | null {
  const declared = tools.flatMap(({ functionDeclarations = [] }) => functionDeclarations)
  const { mode = 'AUTO', allowedFunctionNames = [] } = toolConfig?.functionCallingConfig ?? {}
  if (mode === 'NONE' || (mode !== 'ANY' && !tags.tool)) return null
  const allowed = allowedFunctionNames.length === 0 ? declared : declared.filter(({ name = '' }) => allowedFunctionNames.includes(name))
  return allowed[0] ?? null
}
