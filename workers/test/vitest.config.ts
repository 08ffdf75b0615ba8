import { cloudflareTest } from '@cloudflare/vitest-plugin'
import { defineConfig } from 'vitest/config'

const root = new URL('../..', import.meta.url).pathname

/**
 * Every suite of the project. `tidy` holds the tree to its rules, `unit` runs in Node beside the code (with a real Postgres where a test asks
 * for one), `ledger` runs in workerd, and so does `operations`, which counts what a request costs; `faults` cut, kill and take away parts;
 * `journeys` drive the whole stack.
 */
export default defineConfig({
  root,
  test: {
    projects: [
      { test: { name: 'tidy', include: ['workers/test/tidy.test.ts'] } },
      {
        test: {
          name: 'unit',
          include: [
            '{shared,db}/**/*.test.ts',
            'workers/{dev,services,api,admin,usage,webhooks,quality,edge,bench}/**/*.test.ts',
            'workers/proxy/**/*.test.ts',
            'workers/test/mutations/**/*.test.ts',
          ],
          globalSetup: ['db/testing/template-server.ts'],
          // Left to itself, Vitest leaves one processor idle. A group of its own, since the others keep to that.
          maxWorkers: '100%',
          sequence: { groupOrder: 1 },
          testTimeout: 30_000,
          hookTimeout: 60_000,
          // Left to itself, Vitest empties every style, also one that is taken as text.
          css: { include: /\?raw$/ },
        },
      },
      {
        plugins: [
          cloudflareTest({
            wrangler: { configPath: `${root}wrangler.toml`, environment: 'ledger' },
            miniflare: {
              // Commits come quickly, so that the long forms are not spent waiting for company.
              bindings: { FLUSH_MS: '5', RELAY_LONG: process.env.RELAY_LONG ?? '', RELAY_SEED: process.env.RELAY_SEED ?? '' },
            },
          }),
        ],
        test: { name: 'ledger', include: ['workers/ledger/**/*.test.ts'], testTimeout: 30_000 },
      },
      {
        plugins: [cloudflareTest({ wrangler: { configPath: `${root}wrangler.toml`, environment: 'ledger' } })],
        test: {
          name: 'operations',
          include: ['workers/test/operations/**/*.test.ts'],
          globalSetup: ['workers/test/database.ts'],
          // Counts are exact, but on a machine with ten times the work of its cores a background read may end in another test's count.
          retry: 1,
          testTimeout: 30_000,
          hookTimeout: 60_000,
        },
      },
      {
        test: {
          name: 'faults',
          include: ['workers/test/faults/**/*.test.ts'],
          testTimeout: 60_000,
          hookTimeout: 120_000,
          // Each has a stage of processes of its own; side by side they would only wait for the processor.
          fileParallelism: false,
        },
      },
      {
        test: {
          name: 'journeys',
          include: ['workers/test/journeys/**/*.test.ts'],
          globalSetup: ['workers/test/journeys/stack.ts'],
          testTimeout: 60_000,
          hookTimeout: 120_000,
          fileParallelism: false,
          // Journeys mostly wait for the queue, each for its own customer.
          maxConcurrency: 12,
        },
      },
    ],
  },
})
