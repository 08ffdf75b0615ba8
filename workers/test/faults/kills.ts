import type { randomOf } from '#workers/ledger/testing/model.ts'
import { pause } from './load.ts'
import { type Point, points, type Trap, type Victim } from './points.ts'
import type { FaultStage } from './stage.ts'

/** A point that is not reached in this time is left for another round. */
const patienceMs = 8_000

/** When a relay was killed, and from when on another one could be alive: what arrives between the two was still on its way from the dead one. */
export interface RelayDeath {
  killedAtMs: number
  backFromMs: number
}

/** Kills parts of a stage at named points, one after another, each brought back before the next is awaited. */
export class Kills {
  readonly byPoint = new Map<string, number>()
  /** How each life of the relay ended, oldest first. */
  readonly relayDeaths: RelayDeath[] = []
  missed = 0
  readonly #stage: FaultStage
  readonly #trap: Trap
  readonly #random: ReturnType<typeof randomOf>
  readonly #dying: Promise<void>[] = []
  #waiting: Point[] = []

  constructor(stage: FaultStage, trap: Trap, random: ReturnType<typeof randomOf>) {
    this.#stage = stage
    this.#trap = trap
    this.#random = random
  }

  get count(): number {
    return [...this.byPoint.values()].reduce((sum, kills) => sum + kills, 0)
  }

  /** Kills so often, at every point before at any a second time. */
  async run(wanted: number): Promise<void> {
    while (this.count < wanted) {
      const point = this.#next()
      if (await this.#killAt(point)) {
        this.byPoint.set(point.name, (this.byPoint.get(point.name) ?? 0) + 1)
        await this.#bringBack(point.victims)
      } else this.missed += 1
      if (this.missed > wanted) throw new Error(`more points were missed than reached; the last was "${point.name}"`)
      // Long enough for some work, short enough for the next kill to meet the recovery from this one.
      await pause(this.#random.below(400))
    }
  }

  #next(): Point {
    if (this.#waiting.length === 0) this.#waiting = [...points]
    const [point] = this.#waiting.splice(this.#random.below(this.#waiting.length), 1)
    if (!point) throw new Error('there are no points')
    return point
  }

  /** Whether the point was reached. */
  async #killAt(point: Point): Promise<boolean> {
    if (point.trigger === 'restarted') return this.#killAfterRestart(point)
    let isAwaited = true
    const reached = new Promise<boolean>((resolve) => {
      const times = 1 + this.#random.below(point.trigger.startsWith('postgres: key') ? 1 : 6)
      const strike = () => {
        if (!isAwaited) return
        this.#kill(point.victims)
        resolve(true)
      }
      // At once means in this very turn, before what was seen is passed on.
      this.#trap.arm(point.trigger, times, () => (point.waitMs === 0 ? strike() : setTimeout(strike, point.waitMs)))
      // Keys are looked up when nothing is cached.
      if (point.trigger === 'postgres: key look-up') this.#kill(['relay'])
    })
    if (point.trigger === 'postgres: key look-up') await this.#bringBack(['relay'])
    const isReached = await Promise.race([reached, pause(patienceMs).then(() => false)])
    this.#trap.disarm()
    isAwaited = false
    return isReached
  }

  async #killAfterRestart(point: Point): Promise<boolean> {
    this.#kill(['relay'])
    await this.#bringBack(['relay'])
    await pause(point.waitMs)
    this.#kill(point.victims)
    return true
  }

  /** Synchronous up to the signal. */
  #kill(victims: readonly Victim[]): void {
    const { relay, postgres, neon } = this.#stage
    if (victims.includes('relay')) {
      this.#dying.push(relay.stop('SIGKILL'))
      this.relayDeaths.push({ killedAtMs: Date.now(), backFromMs: Number.POSITIVE_INFINITY })
    }
    if (victims.includes('postgres')) this.#dying.push(postgres.stop('SIGKILL'))
    if (victims.includes('neon')) neon.closeAllConnections()
  }

  /** A process must be wholly gone before it is started, or its end would be taken for that of the new one. */
  async #bringBack(victims: readonly Victim[]): Promise<void> {
    const { relay, postgres } = this.#stage
    await Promise.all(this.#dying.splice(0))
    const death = this.relayDeaths.at(-1)
    if (death && victims.includes('relay')) death.backFromMs = Date.now()
    await Promise.all([victims.includes('postgres') && postgres.start(), victims.includes('relay') && relay.start()])
  }
}
