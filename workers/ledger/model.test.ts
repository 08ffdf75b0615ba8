import { beforeEach, test } from 'vitest'
import { bindings, stopClock } from './testing/customer.ts'
import { Run } from './testing/run.ts'

beforeEach(() => stopClock())

/** RELAY_LONG=1 plays the full number of seeds; RELAY_SEED plays one of them again. */
const count = Math.max(4, Math.round(Number(bindings.RELAY_LONG || 0) * 1_000))
const seeds = bindings.RELAY_SEED ? [Number(bindings.RELAY_SEED)] : Array.from({ length: count }, (_, index) => 1_000 + index)
const steps = 20
const operationsPerStep = 50

test(
  `against a single-threaded model, no nano is lost or doubled in ${seeds.length * steps * operationsPerStep} operations`,
  async () => {
    for (const seed of seeds) await play(seed)
  },
  30_000 + seeds.length * 10_000,
)

async function play(seed: number): Promise<void> {
  stopClock()
  const run = new Run('model', seed)
  try {
    await run.start()
    for (let step = 0; step < steps; step++) await run.step(operationsPerStep)
    await run.finish()
  } catch (error) {
    throw new Error(`seed ${seed} (play it again with RELAY_SEED=${seed}): ${String(error)}`, { cause: error })
  }
}
