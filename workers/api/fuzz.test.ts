import { Ajv2020 } from 'ajv/dist/2020.js'
import fc from 'fast-check'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { z } from 'zod'
import { ProblemAnswer } from '#shared/contracts/api/problem.ts'
import { problemStatuses } from '#workers/edge/problem.ts'
import { allEndpoints } from './app.ts'
import { openApiDocument } from './reference/openapi.ts'
import { signingKeys } from './signing/signing-keys.ts'
import { type Described, DescribedOperation, type MadeUp, requestsOf } from './testing/fuzz/requests.ts'
import { stateOf } from './testing/fuzz/state.ts'
import { addressOf, newTown, type Town, townCallers } from './testing/fuzz/town.ts'
import { type Answer, type Stage, setStage } from './testing/stage.ts'

/** RELAY_LONG=1 sends 5,000 requests; RELAY_SEED sends those of one town again. */
const requestsPerTown = 25
const towns = Math.max(12, Math.round(Number(process.env.RELAY_LONG || 0) * 200))
const seeds = process.env.RELAY_SEED
  ? [Number(process.env.RELAY_SEED)]
  : Array.from({ length: towns }, (_, index) => (Date.now() % 1_000_000_000) + index)

const document = openApiDocument(allEndpoints.map(({ operation }) => operation))
const components: Record<string, unknown> = document.components?.schemas ?? {}
const described: Described[] = Object.entries(document.paths ?? {}).flatMap(([path, methods]) =>
  Object.entries(methods).map(([method, operation]) => ({
    method: method.toUpperCase(),
    path,
    operation: DescribedOperation.parse(operation),
  })),
)
const requests = fc.oneof(...described.map((each) => requestsOf(each, townCallers, components)))

let stage: Stage
beforeAll(async () => {
  stage = await setStage()
  // Made when they are first needed, also by a request that is then refused.
  await Promise.all([signingKeys(stage.surroundings, 'access'), signingKeys(stage.surroundings, 'mail')])
})
afterAll(() => stage?.stop())

/** Formats are told to people; what they mean is checked by the contracts. */
const ajv = new Ajv2020({ strict: false, validateFormats: false })

function send(town: Town, made: MadeUp, ip: string): Promise<Answer> {
  const { described: each, caller, headers, body } = made
  return stage.call(each.method, addressOf(town, made), { ...town.callers[caller], body, headers: { 'cf-connecting-ip': ip, ...headers } })
}

/** What is wrong with an answer; null when nothing is. */
function faultOf({ operation }: Described, { status, headers, json, text }: Answer): string | null {
  const type = headers.get('content-type') ?? ''
  if (status >= 400) {
    const problem = ProblemAnswer.safeParse(json)
    if (type !== 'application/problem+json' || !problem.success) return `is no problem but ${type}`
    const known = Object.entries(problemStatuses).find(([code]) => code === problem.data.code)?.[1]
    if (known?.status !== status || problem.data.status !== status) return `has the code ${problem.data.code}`
    // No provider can be reached from here, and nobody has set Stripe up.
    const isMeant = problem.data.code === 'provider_unreachable' || problem.data.code === 'payments_off'
    return status >= 500 && !isMeant ? 'is a fault of ours' : null
  }
  if (status >= 300) return null
  const content = operation.responses[String(status)]?.content
  if (!operation.responses[String(status)]) return 'has a status that is not described'
  const schema = content?.['application/json']?.schema
  if (!schema || !content) return !content && text !== '' ? 'has a body that is not described' : null
  const isDescribed = ajv.compile({ ...z.record(z.string(), z.unknown()).parse(schema), components: { schemas: components } })
  return isDescribed(json) ? null : `is not as described: ${ajv.errorsText(isDescribed.errors)}`
}

async function visit(seed: number): Promise<Record<string, number>> {
  const town = await newTown(stage)
  const counts: Record<string, number> = {}
  let state = await stateOf(stage)
  for (const [index, made] of fc.sample(requests, { seed, numRuns: requestsPerTown }).entries()) {
    const answer = await send(town, made, `198.51.100.${index}`)
    const told = `${made.described.operation.operationId} by ${made.caller} to ${addressOf(town, made).slice(0, 200)} with ${String(made.body).slice(0, 300)}`
    const fault = faultOf(made.described, answer)
    expect(fault, `RELAY_SEED=${seed}: ${told}: ${answer.status} ${answer.text.slice(0, 300)}`).toBeNull()
    const after = await stateOf(stage)
    if (answer.status >= 400) expect(after, `RELAY_SEED=${seed}: ${told}: ${answer.status}, yet something changed`).toEqual(state)
    state = after
    const kind = `${Math.floor(answer.status / 100)}xx`
    counts[kind] = (counts[kind] ?? 0) + 1
  }
  return counts
}

test('whatever is sent, nothing breaks, errors are problems, answers are as described, and what is refused changes nothing', {
  timeout: 3_600_000,
}, async () => {
  const total: Record<string, number> = {}
  for (const seed of seeds) {
    for (const [kind, count] of Object.entries(await visit(seed))) total[kind] = (total[kind] ?? 0) + count
  }
  console.log(`fuzz: ${JSON.stringify(total)}`)
  // Or it would only have knocked at closed doors.
  if (!process.env.RELAY_SEED) expect([(total['2xx'] ?? 0) > 20, (total['4xx'] ?? 0) > 20]).toEqual([true, true])
})
