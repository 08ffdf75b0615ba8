import { type ChildProcess, spawn } from 'node:child_process'
import { closeSync, mkdirSync, openSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import type { Probe } from '../probes.ts'
import { stackMarker } from './identity.ts'
import { readLog, tailLog } from './log.ts'

export type ProcessPlan = {
  name: string
  command: string
  parameters: string[]
  environment: NodeJS.ProcessEnv
  workingDirectory: string
  /** The stack's directory: log and pid file go there, and it marks the process as part of this stack. */
  directory: string
  probe: Probe
  /** Makes a probe that is asked every second from then on: a process can live on while a part it cannot do without has died. */
  watch?: () => () => boolean
  readyTimeoutMs: number
  stopSignal: 'SIGINT' | 'SIGTERM'
  /** A line in the log that means it will never become ready, so that nobody waits for the timeout. */
  failureSign?: RegExp
  runAs?: { uid: number; gid: number } | undefined
  /** Runs before each spawn, restarts included. */
  prepare?: () => void | Promise<void>
}

type State = 'down' | 'starting' | 'ready'

const pollMs = 50
const watchMs = 1_000
const stopGraceMs = 8_000
const firstBackoffMs = 250
const longestBackoffMs = 5_000
/** A process that ran this long was healthy: the next death starts from the first backoff again. */
const healthyAfterMs = 10_000
const endingSignals = new Set<NodeJS.Signals>(['SIGKILL', 'SIGTERM', 'SIGINT', 'SIGQUIT'])

/** One process of a stack, leader of its own group, started again when it dies without being asked to. */
export class SupervisedProcess {
  readonly logFile: string
  readonly #plan: ProcessPlan
  readonly #pidFile: string
  readonly #report: (line: string) => void
  #child: ChildProcess | undefined
  #state: State = 'down'
  #wanted = false
  #readySince = 0
  #backoffMs = firstBackoffMs
  #logOffset = 0

  constructor(plan: ProcessPlan, report: (line: string) => void) {
    this.#plan = plan
    this.#report = report
    this.logFile = join(plan.directory, 'logs', `${plan.name}.log`)
    this.#pidFile = join(plan.directory, 'run', `${plan.name}.pid`)
    for (const file of [this.logFile, this.#pidFile]) mkdirSync(dirname(file), { recursive: true })
    writeFileSync(this.logFile, '')
  }

  get pid(): number | undefined {
    return this.#state === 'down' ? undefined : this.#child?.pid
  }

  /** Spawns it and resolves when its probe says ready; rejects with the end of its log otherwise. */
  async start(): Promise<void> {
    this.#wanted = true
    try {
      await this.#launch()
    } catch (error) {
      await this.stop()
      throw error
    }
  }

  /** Sends a signal to the whole group; for a signal that ends processes, resolves when the leader is gone. It is then started again. */
  async kill(signal: NodeJS.Signals): Promise<void> {
    const child = this.#child
    this.#signalGroup(signal)
    while (endingSignals.has(signal) && child && this.#child === child && this.#state !== 'down') await wait(pollMs)
  }

  /** Ends it and leaves it down until `start` or `restart`; with SIGKILL as a power cut would. */
  async stop(signal: NodeJS.Signals = this.#plan.stopSignal): Promise<void> {
    this.#wanted = false
    const deadline = Date.now() + stopGraceMs
    this.#signalGroup(signal)
    while (this.#state !== 'down' && Date.now() < deadline) await wait(pollMs)
    this.#signalGroup('SIGKILL')
    while (this.#state !== 'down') await wait(pollMs)
  }

  async restart(): Promise<void> {
    await this.stop()
    await this.start()
  }

  /** Resolves when it is ready, after a death when it is ready again. */
  async ready(timeoutMs = this.#plan.readyTimeoutMs): Promise<void> {
    const deadline = Date.now() + timeoutMs
    while (this.#state !== 'ready') {
      if (Date.now() > deadline) throw this.#failure(`was not ready within ${timeoutMs} ms`)
      await wait(pollMs)
    }
  }

  async #launch(): Promise<void> {
    await this.#plan.prepare?.()
    if (!this.#wanted) throw this.#failure('was stopped before it started')
    const child = this.#spawn()
    const deadline = Date.now() + this.#plan.readyTimeoutMs
    const readOwnLog = () => readLog(this.logFile, this.#logOffset)
    while (!(await this.#plan.probe(readOwnLog))) {
      if (this.#child !== child || this.#state === 'down') throw this.#failure('ended before it was ready')
      if (this.#plan.failureSign?.test(readOwnLog())) throw this.#failure('could not start')
      if (Date.now() > deadline) throw this.#failure(`was not ready within ${this.#plan.readyTimeoutMs} ms`)
      await wait(pollMs)
    }
    if (this.#child !== child || this.#state === 'down') throw this.#failure('ended before it was ready')
    this.#state = 'ready'
    this.#readySince = Date.now()
    void this.#watch(child)
  }

  async #watch(child: ChildProcess): Promise<void> {
    const isWhole = this.#plan.watch?.()
    const isWatched = () => this.#child === child && this.#state === 'ready' && this.#wanted
    while (isWhole && isWatched()) {
      await wait(watchMs, undefined, { ref: false })
      if (!isWatched() || isWhole()) continue
      this.#report(`${this.#plan.name} lost a part of itself`)
      await this.kill('SIGKILL')
    }
  }

  #spawn(): ChildProcess {
    const { command, parameters, workingDirectory, environment, directory, runAs } = this.#plan
    this.#logOffset = statSync(this.logFile, { throwIfNoEntry: false })?.size ?? 0
    // The child writes to the file itself: it must not die of a broken pipe when this process is killed.
    const log = openSync(this.logFile, 'a')
    const child = spawn(command, parameters, {
      cwd: workingDirectory,
      env: { ...environment, [stackMarker]: directory },
      stdio: ['ignore', log, log],
      detached: true,
      ...runAs,
    })
    closeSync(log)
    this.#child = child
    this.#state = 'starting'
    child.once('error', (error) => this.#onExit(child, error.message))
    child.once('exit', (code, signal) => this.#onExit(child, signal ?? `exit code ${code}`))
    if (child.pid !== undefined) writeFileSync(this.#pidFile, String(child.pid))
    return child
  }

  #onExit(child: ChildProcess, reason: string): void {
    if (this.#child !== child || this.#state === 'down') return
    const wasReady = this.#state === 'ready'
    this.#signalGroup('SIGKILL') // The leader is gone; whatever else is in its group would hold its port.
    this.#state = 'down'
    rmSync(this.#pidFile, { force: true })
    if (!this.#wanted || !wasReady) return
    if (Date.now() - this.#readySince > healthyAfterMs) this.#backoffMs = firstBackoffMs
    this.#report(`${this.#plan.name} ended (${reason}); starting it again`)
    void this.#revive()
  }

  async #revive(): Promise<void> {
    while (this.#wanted) {
      await wait(this.#backoffMs)
      if (!this.#wanted) return
      this.#backoffMs = Math.min(this.#backoffMs * 2, longestBackoffMs)
      try {
        await this.#launch()
        this.#report(`${this.#plan.name} is back`)
        return
      } catch (error) {
        if (!this.#wanted) return
        this.#report(error instanceof Error ? error.message : String(error))
        await this.kill('SIGKILL')
      }
    }
  }

  #signalGroup(signal: NodeJS.Signals): void {
    if (this.#state === 'down' || this.#child?.pid === undefined) return
    try {
      process.kill(-this.#child.pid, signal)
    } catch {
      // No process is left in the group; its exit event is on its way.
    }
  }

  #failure(reason: string): Error {
    return new Error(`${this.#plan.name} ${reason}. The end of ${this.logFile}:\n${tailLog(this.logFile)}`)
  }
}
