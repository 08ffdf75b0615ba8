import { z } from 'zod'
import { smallBodyBytes } from '../limits.ts'
import { type Call, type Dialect, type Incoming, noConversation, type Reading } from './dialect.ts'
import { setMembers } from './json-members.ts'
import { readJsonRequest } from './json-request.ts'

/** OpenAI's moderations: nothing is counted there, and so nothing is billed here. */
export const openaiModerations: Dialect<ModerationsCall> = {
  speaks: 'openai-moderations',
  family: 'openai',
  endpoint: '/v1/moderations',
  mediaType: 'application/json',
  maxBodyBytes: smallBodyBytes,
  outputLimit: null,
  read: readModerationsCall,
  ask: ({ text }, upstreamModel) => ({
    path: '/v1/moderations',
    headers: {},
    body: setMembers(text, new Map([['model', JSON.stringify(upstreamModel)]])),
  }),
  observe: readModerations,
  usagePaths: [],
}

export interface ModerationsCall extends Call {
  /** The body as the client wrote it. */
  text: string
}

/** OpenAI has a model of its own choice where none is named; a relay cannot, because each has a price. */
const ModerationsRequest = z.looseObject({ model: z.string().min(1).max(256) })

function readModerationsCall({ bytes }: Incoming): ModerationsCall {
  const { text, body, relay } = readJsonRequest(bytes, ModerationsRequest)
  return {
    model: body.model,
    answer: 'json',
    relay,
    bodyBytes: bytes.length,
    inputTokensBound: 0,
    uncountedTokens: 0,
    choices: 1,
    maxOutputTokens: 0,
    extras: {},
    requires: [],
    toldUsage: {},
    conversation: noConversation,
    text,
  }
}

const Answer = z.object({ error: z.unknown().optional(), results: z.array(z.unknown()).nullish().catch(null) })

function readModerations(reading: Reading, value: unknown): void {
  const answer = Answer.safeParse(value)
  if (!answer.success) return
  const { error, results } = answer.data
  if (error !== undefined && error !== null) reading.failed = true
  if (results && results.length > 0) {
    reading.deliveredBytes = 1
    reading.finishReason = 'stop'
  }
}
