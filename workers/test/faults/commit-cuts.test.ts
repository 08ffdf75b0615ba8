import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type Db, openDb } from '#db/client.ts'
import { openNodeDb } from '#db/node-client.ts'
import { startTestDatabase, type TestDatabase } from '#db/testing/database.ts'
import { createNeonEndpoint } from '#workers/dev/neon-endpoint/endpoint.ts'
import { listenAnywhere } from '#workers/dev/testing/throwaway.ts'
import { randomOf } from '#workers/ledger/testing/model.ts'
import { CommitCuts } from './commit-cuts.ts'
import { PostgresLink } from './postgres-link.ts'
import { chooseSeed, played, reportFigures, scaled } from './scale.ts'

let database: TestDatabase
let link: PostgresLink
let linkPort: number
const closing: (() => Promise<unknown>)[] = []

beforeAll(async () => {
  database = await startTestDatabase()
  link = new PostgresLink(Number(new URL(database.databaseUrl).port))
  linkPort = await link.listen()
})

afterAll(async () => {
  for (const close of closing) await close()
  await link.close()
  await database.stop()
})

function linkedUrl(): string {
  const url = new URL(database.databaseUrl)
  url.port = String(linkPort)
  return url.href
}

/** Neon over HTTP, as Workers write; node-postgres, as the operator's tools do. */
const drivers: Record<string, () => Promise<Db>> = {
  'Neon over HTTP': async () => {
    const endpoint = createNeonEndpoint(linkPort, () => undefined)
    closing.push(() => new Promise((resolve) => endpoint.close(resolve)))
    return openDb({ databaseUrl: linkedUrl(), endpoint: await listenAnywhere(endpoint) })
  },
  'node-postgres': async () => {
    const { db, close } = openNodeDb(linkedUrl(), 2)
    closing.push(close)
    return db
  },
}

describe('when the link is cut around COMMIT, every event and credit is posted once and confirmed', () => {
  const wantedCuts = scaled(60, 500)

  test.each(Object.keys(drivers))('over %s', { timeout: 60_000 + 200 * wantedCuts }, async (driver) => {
    const db = await drivers[driver]?.()
    if (!db) throw new Error(`There is no driver ${driver}`)
    const seed = chooseSeed()
    await played(seed, async () => {
      const run = new CommitCuts(db, database.db, link, randomOf(seed))
      await run.run(wantedCuts)
      const verdict = await run.verdict()
      const { statement, commit, commit_sent, commit_answered, stall } = run.cuts
      reportFigures(`cuts around COMMIT over ${driver}`, {
        seed,
        'before COMMIT': statement + commit,
        'after it was sent': commit_sent,
        'after it was answered': commit_answered,
        stalls: stall,
        events: run.events,
        credits: run.entries,
        lost: verdict.lost.length,
        duplicates: verdict.strange.length,
        'unsound customers': verdict.unsound.length,
      })
      expect(verdict).toEqual({ lost: [], strange: [], unsound: [], unheard: [] })
    })
  })
})
