import { readFileSync } from 'node:fs'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { randomOf } from '#workers/ledger/testing/model.ts'
import { Kills } from './kills.ts'
import { Load, newCustomers, pause } from './load.ts'
import { points, Trap } from './points.ts'
import { chooseSeed, isLong, played, reportFigures, scaled } from './scale.ts'
import { type FaultStage, openFaultStage } from './stage.ts'
import { judge } from './verdict.ts'

let stage: FaultStage

beforeAll(async () => {
  stage = await openFaultStage()
})

afterAll(() => stage?.close())

const sound = { lost: [], doubled: [], wrong: [], unsound: [] }

describe('nothing is lost and nothing is charged twice', () => {
  const rounds = process.env.RELAY_SEED ? 1 : scaled(1, 10)
  const killsOfRound = isLong ? 50 : 10
  const queueMs = scaled(4_000, 120_000)
  const awayMs = scaled(8_000, 600_000)

  test('when parts are killed at named points under load', { timeout: (120_000 + 6_000 * killsOfRound) * rounds }, async () => {
    const firstSeed = chooseSeed()
    // Many short rounds instead of a long one, so that the seed of a failure does not take an hour to play.
    for (let round = 0; round < rounds; round++) await played(firstSeed + round, () => playKills(firstSeed + round, killsOfRound))
  })

  test('when the queue drops, repeats and reorders messages under load', { timeout: 120_000 + 2 * queueMs }, async () => {
    const seed = chooseSeed()
    await played(seed, async () => {
      const logged = readFileSync(stage.relay.logFile, 'utf8').length
      await stage.restartRelay({ queueFaults: { seed, drop: 0.2, duplicate: 0.3, delay: 0.5, delayMs: 2_500 } })
      const customers = await newCustomers(stage.db)
      const load = new Load(stage.relayUrl, customers, randomOf(seed), { pace: { lanes: 12 } })
      await pause(queueMs)
      await load.end()
      const judged = await judge(stage, customers, { outcomes: load.outcomes, deaths: [] })
      const log = readFileSync(stage.relay.logFile, 'utf8').slice(logged)
      const faults = ['drop', 'duplicate', 'delay'].map((fault) => [`queue ${fault}s`, log.split(`queue fault: ${fault}`).length - 1])
      reportRun('queue faults', seed, load, judged, Object.fromEntries(faults))
      expect(judged.verdict).toEqual(sound)
      for (const [fault, count] of faults) expect(count, String(fault)).toBeGreaterThan(0)
    })
  })

  test('when Postgres is away under load, and known customers are served all the while', { timeout: 420_000 + 2 * awayMs }, async () => {
    const seed = chooseSeed()
    await played(seed, async () => {
      // A minute as in production: sent again every second, a long outage would fill the queue with copies.
      await stage.restartRelay({ resendAfterMs: 60_000 })
      const [stranger, ...known] = (await newCustomers(stage.db)).filter(({ isRich }) => isRich)
      if (!stranger) throw new Error('there is no customer')
      const models = ['small-fast', 'small-paced', 'large-burst', 'large-steady']
      const load = new Load(stage.relayUrl, known, randomOf(seed), { pace: { perSecond: 50 }, models })
      // Known is who was served once.
      await Promise.all(known.map((customer) => load.ask(customer)))
      await stage.postgres.stop()
      await pause(awayMs / 2)
      const refused = await load.ask(stranger)
      await pause(awayMs / 2)
      await stage.postgres.start()
      const backAtMs = Date.now()
      await pause(1_000)
      await load.end()
      const judged = await judge(stage, known, { outcomes: load.outcomes, deaths: [] })
      const drainedMs = Date.now() - backAtMs
      reportRun('Postgres away', seed, load, judged, { 'seconds away': awayMs / 1_000, 'seconds to drain': drainedMs / 1_000 })
      expect(judged.verdict).toEqual(sound)
      expect(refused).toMatchObject({ status: 503, retryAfter: '2' })
      const strange = load.outcomes.filter(({ status, retryAfter }) => status !== 200 && (status !== 503 || retryAfter === null))
      expect(strange).toEqual([])
      expect(drainedMs).toBeLessThan(300_000)
    })
  })
})

async function playKills(seed: number, wantedKills: number): Promise<void> {
  const customers = await newCustomers(stage.db)
  // Generators of their own: how fast requests go must not change where is killed.
  const load = new Load(stage.relayUrl, customers, randomOf(seed + 1), { pace: { lanes: 12 } })
  const trap = new Trap()
  const unwatch = trap.watch(stage, load)
  const kills = new Kills(stage, trap, randomOf(seed))
  await kills.run(wantedKills).finally(() => load.end())
  unwatch()
  const judged = await judge(stage, customers, { outcomes: load.outcomes, deaths: kills.relayDeaths })
  reportRun('kill -9 at named points', seed, load, judged, {
    kills: kills.count,
    points: `${kills.byPoint.size} of ${points.length}`,
    missed: kills.missed,
  })
  process.stdout.write(`  ${[...kills.byPoint].map(([name, count]) => `${name} ${count}`).join('; ')}\n`)
  expect(judged.verdict).toEqual(sound)
  expect(Object.keys(load.statuses).filter((status) => !['200', '402', '502', '503', 'cut'].includes(status))).toEqual([])
}

type Judged = Awaited<ReturnType<typeof judge>>

function reportRun(name: string, seed: number, load: Load, judged: Judged, figures: Record<string, string | number>): void {
  const { lost, doubled } = judged.verdict
  reportFigures(name, {
    seed,
    ...figures,
    ...judged.figures,
    lost: lost.length,
    duplicates: doubled.length,
    'ms to rest': judged.restAfterMs,
  })
  process.stdout.write(`  answers: ${JSON.stringify(load.statuses)}\n`)
}
