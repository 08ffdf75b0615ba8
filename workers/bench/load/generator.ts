import { localHost } from '#workers/dev/ports.ts'
import { isMessage, type Kind, streamEvents, wholeAnswer } from '../upstream/answers.ts'
import { Connection } from './connection.ts'
import type { Job, LoadReply, LoadResult } from './job.ts'

/** Bytes of a request's body: a system prompt and a question. */
const requestBytes = 1_024

/* A process of its own, so that making load and judging answers shares no event loop with anything that is measured. */
process.on('message', (job: Job) => {
  run(job).then(
    (result) => reply({ result }),
    (error: unknown) => reply({ failure: error instanceof Error ? error.message : String(error) }),
  )
})
process.on('disconnect', () => process.exit(0))

function reply(message: LoadReply): void {
  process.send?.(message)
}

async function run(job: Job): Promise<LoadResult> {
  const request = requestOf(job)
  const expected = expectedBody(job.kind, { asked: job.asksUsage, shown: job.showsUsage })
  const connections = await Promise.all(Array.from({ length: job.concurrency }, () => Connection.open(job.target.port)))
  const latenciesMs: number[] = []
  const firstBytesMs: number[] = []
  const startedAtMs = performance.now()
  const deadlineMs = startedAtMs + job.seconds * 1_000
  let isFailed = false
  const work = connections.map(async (connection) => {
    do {
      const sample = await connection.send(request, expected)
      latenciesMs.push(sample.latencyMs)
      firstBytesMs.push(sample.firstByteMs)
    } while (!isFailed && performance.now() < deadlineMs)
  })
  try {
    await Promise.all(work)
    const elapsedSeconds = (performance.now() - startedAtMs) / 1_000
    return { latenciesMs: Float64Array.from(latenciesMs), firstBytesMs: Float64Array.from(firstBytesMs), elapsedSeconds }
  } finally {
    isFailed = true
    for (const connection of connections) connection.close()
    await Promise.allSettled(work)
  }
}

function requestOf(job: Job): Buffer {
  const { target, kind } = job
  const body = (question: string) => JSON.stringify(isMessage(kind) ? messageBody(job, question) : chatBody(job, question))
  const filling = 'Why does the quick brown fox jump over the lazy dog? '
  const text = body(filling.repeat(30).slice(0, requestBytes - body('').length))
  const head = [
    `POST ${target.path} HTTP/1.1`,
    `host: ${localHost}:${target.port}`,
    ...(isMessage(kind)
      ? [`x-api-key: ${target.apiKey}`, 'anthropic-version: 2023-06-01', 'user-agent: Anthropic/JS 0.71.0']
      : [`authorization: Bearer ${target.apiKey}`, 'user-agent: OpenAI/JS 7.57.0']),
    'content-type: application/json',
    'accept: application/json',
    `content-length: ${Buffer.byteLength(text)}`,
  ]
  return Buffer.from(`${head.join('\r\n')}\r\n\r\n${text}`)
}

const instruction = 'You are a careful assistant. Answer in plain words.'

function chatBody({ target, kind, showsUsage, maxTokens }: Job, question: string): object {
  return {
    model: target.model,
    messages: [
      { role: 'system', content: instruction },
      { role: 'user', content: question },
    ],
    temperature: 0.7,
    ...(maxTokens === undefined ? {} : { max_tokens: maxTokens }),
    ...(kind === 'whole' ? {} : { stream: true }),
    ...(showsUsage ? { stream_options: { include_usage: true } } : {}),
  }
}

function messageBody({ target, maxTokens }: Job, question: string): object {
  return { model: target.model, system: instruction, messages: [{ role: 'user', content: question }], max_tokens: maxTokens, stream: true }
}

function expectedBody(kind: Kind, usage: { asked: boolean; shown: boolean }): Buffer {
  return kind === 'whole' ? wholeAnswer() : Buffer.concat(streamEvents(kind, usage))
}
