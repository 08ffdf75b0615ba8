/**
 * How much a run does. RELAY_LONG is a share of the long form (1 is all of it); without it the form is short enough for every change.
 * RELAY_SEED plays a run again that has failed.
 */
export function scaled(short: number, long: number): number {
  return isLong ? Math.max(short, Math.round(long * share)) : short
}

const share = Number(process.env.RELAY_LONG || 0)
export const isLong = share > 0

/** The seed of this run: the one that is asked for, else a new one, so that the runs of many days see many plans. */
export function chooseSeed(): number {
  return process.env.RELAY_SEED ? Number(process.env.RELAY_SEED) : Date.now() % 1_000_000_000
}

/** Runs with a seed and says which when it fails. */
export async function played(seed: number, run: () => Promise<void>): Promise<void> {
  try {
    await run()
  } catch (error) {
    throw new Error(`${error instanceof Error ? error.message : error}\nPlay it again with RELAY_SEED=${seed}`, { cause: error })
  }
}

/** One line that can be quoted: `cuts after COMMIT: seed 7, 1000 cuts, 0 lost`. */
export function reportFigures(name: string, figures: Record<string, string | number>): void {
  const parts = Object.entries(figures).map(([what, figure]) => `${what} ${figure}`)
  process.stdout.write(`${name}: ${parts.join(', ')}\n`)
}
