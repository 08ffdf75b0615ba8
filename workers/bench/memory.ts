import type { LoadClient } from './load/client.ts'
import { residentMegabytes } from './measure/process-cost.ts'
import { jobFor, type Stage } from './stage.ts'

export interface MemoryResult {
  openStreams: number
  showsUsage: boolean
  floorMegabytes: number
  relayMegabytes: number
  addedMegabytes: number
}

const sampleMs = 100

/**
 * The most memory that each process holds while `openStreams` paced streams are open, less what it held just before. Both are started anew for
 * it, because what a process once took from the system it seldom gives back.
 */
export async function measureMemory(stage: Stage, load: LoadClient, openStreams: number, showsUsage: boolean): Promise<MemoryResult> {
  await stage.restartWorkerd()
  const job = { kind: 'slow' as const, showsUsage, maxTokens: 1_000, concurrency: openStreams, seconds: 0 }
  const peak = async (name: 'floor' | 'relay') => {
    await warmUp(stage, load, name)
    const pid = stage.processId(name)
    const before = residentMegabytes(pid)
    let highest = before
    const timer = setInterval(() => {
      highest = Math.max(highest, residentMegabytes(pid))
    }, sampleMs)
    try {
      const { latenciesMs } = await load.run(jobFor(stage, name, job))
      if (name === 'relay') stage.books.note('slow', latenciesMs.length)
    } finally {
      clearInterval(timer)
    }
    return highest - before
  }
  const floorMegabytes = await peak('floor')
  const relayMegabytes = await peak('relay')
  await stage.books.settled()
  return { openStreams, showsUsage, floorMegabytes, relayMegabytes, addedMegabytes: relayMegabytes - floorMegabytes }
}

/** Loads the code and opens the caches, which take memory once and not by the stream. */
async function warmUp(stage: Stage, load: LoadClient, name: 'floor' | 'relay'): Promise<void> {
  const job = { kind: 'burst' as const, showsUsage: true, maxTokens: 1_000, concurrency: 16, seconds: 1 }
  const { latenciesMs } = await load.run(jobFor(stage, name, job))
  if (name === 'relay') {
    stage.books.note('burst', latenciesMs.length)
    await stage.books.settled()
  }
}
