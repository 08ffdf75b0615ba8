import { type ChildProcess, fork } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { nodeBinary } from '#workers/dev/processes/environment.ts'
import type { Job, LoadReply, LoadResult } from './job.ts'

/** The load generator's process, as the benchmark speaks to it: one job at a time. */
export class LoadClient {
  readonly #child: ChildProcess

  constructor() {
    const program = fileURLToPath(new URL('./generator.ts', import.meta.url))
    this.#child = fork(program, { execPath: nodeBinary, serialization: 'advanced' })
  }

  /** Rejects when a single answer was not complete and right: what is counted must have been served. */
  run(job: Job): Promise<LoadResult> {
    const child = this.#child
    if (!child.connected) return Promise.reject(new Error('the load generator has ended'))
    return new Promise((resolve, reject) => {
      const onExit = () => reject(new Error('the load generator ended'))
      child.once('exit', onExit)
      child.once('message', (message: LoadReply) => {
        child.off('exit', onExit)
        if ('result' in message) resolve(message.result)
        else reject(new Error(`${job.kind} at concurrency ${job.concurrency}, port ${job.target.port}: ${message.failure}`))
      })
      child.send(job)
    })
  }

  end(): void {
    if (this.#child.connected) this.#child.disconnect()
  }
}
