import { cpSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { checkoutDirectory } from '#workers/dev/processes/environment.ts'
import { type Fault, plant } from './fault.ts'

/**
 * Inside the checkout, so that packages are found above it, and out of sight of git and of every suite. Always the same place, so that a run which was
 * killed is cleared away by the next; two at once are not possible.
 */
const scratchDirectory = join(checkoutDirectory, '.local', 'mutations')

/** A copy of the sources into which faults are planted; the checkout itself is never touched. */
export class Scratch {
  readonly directory: string

  constructor(name: string) {
    this.directory = join(scratchDirectory, name)
    rmSync(this.directory, { recursive: true, force: true })
    mkdirSync(this.directory, { recursive: true })
    for (const entry of ['shared', 'db', 'workers', 'package.json', 'tsconfig.json', 'wrangler.toml']) {
      cpSync(join(checkoutDirectory, entry), join(this.directory, entry), { recursive: true })
    }
  }

  /** Runs work with the fault in place, and takes it out again whatever becomes of the work. */
  async withFault<Result>(fault: Fault, work: () => Promise<Result>): Promise<Result> {
    const path = join(this.directory, fault.file)
    const sound = readFileSync(path, 'utf8')
    writeFileSync(path, plant(fault, sound))
    try {
      return await work()
    } finally {
      writeFileSync(path, sound)
    }
  }
}

export function removeScratches(): void {
  rmSync(scratchDirectory, { recursive: true, force: true })
}
