import type { ClientMoment, Load } from './load.ts'
import type { Moment } from './postgres-link.ts'
import { type FaultStage, leaseMs, resendAfterMs } from './stage.ts'
import type { UpstreamMoment } from './upstream-link.ts'

export type Victim = 'relay' | 'postgres' | 'neon'

/** A named moment at which something is killed. */
export interface Point {
  name: string
  victims: Victim[]
  /** What must be seen first; `restarted` is the relay's return after the kill before. */
  trigger: string
  /** Milliseconds between that and the kill. */
  waitMs: number
}

const relay: Victim[] = ['relay']
const at = (trigger: string, waitMs = 0, name = trigger, victims = relay): Point => ({ name, victims, trigger, waitMs })

export const points: readonly Point[] = [
  at('client: asking', 12, 'client: 12 ms after asking'),
  at('upstream: asked'),
  at('upstream: headers'),
  at('upstream: first event'),
  at('upstream: tenth event'),
  at('upstream: last event'),
  at('upstream: whole answer'),
  at('upstream: headers', Math.round(leaseMs / 3) + 25, 'lease: just renewed, not flushed'),
  at('upstream: headers', Math.round(leaseMs / 3) + 120, 'lease: renewal flushed'),
  at('client: first byte'),
  at('client: stream read'),
  at('client: answer read'),
  at('client: stream read', 10, 'settle: gathering'),
  at('client: answer read', 45, 'settle: waiting for the flush'),
  at('client: answer read', 110, 'settle: flushed, not dispatched'),
  at('client: stream read', 1_080, 'outbox: just dispatched'),
  at('postgres: key look-up'),
  at('postgres: usage locks'),
  at('postgres: usage recording'),
  at('postgres: commit'),
  at('postgres: commit_sent'),
  at('postgres: commit_answered'),
  at('postgres: commit_answered', 2, 'usage: committed, object about to hear'),
  at('postgres: commit_answered', 12, 'usage: object has heard'),
  at('restarted', leaseMs, 'recovery: orphans expire'),
  at('restarted', resendAfterMs, 'recovery: events are sent again'),
  at('restarted', 30, 'recovery: killed again at once'),
  at('restarted', 250, 'recovery: killed again in the first flushes'),
  at('postgres: usage recording', 0, 'Postgres killed while it records', ['postgres']),
  at('postgres: commit_sent', 0, 'Postgres killed when COMMIT was sent', ['postgres']),
  at('postgres: commit_sent', 1, 'Postgres and relay killed when COMMIT was sent', ['postgres', 'relay']),
  at('postgres: commit_sent', 0, 'Neon gone when COMMIT was sent', ['neon']),
  at('postgres: commit_answered', 0, 'Neon gone when COMMIT was answered', ['neon']),
]

/** Springs once, when a trigger has been seen so many times. */
export class Trap {
  #armed: { trigger: string; left: number; spring: () => void } | null = null

  arm(trigger: string, times: number, spring: () => void): void {
    this.#armed = { trigger, left: times, spring }
  }

  disarm(): void {
    this.#armed = null
  }

  reach(trigger: string): void {
    if (this.#armed?.trigger !== trigger) return
    this.#armed.left -= 1
    if (this.#armed.left > 0) return
    const { spring } = this.#armed
    this.#armed = null
    spring()
  }

  /** Watches what passes between the parts, until the answer is called. Nothing in the relay knows of it. */
  watch({ upstreamLink, postgresLink }: FaultStage, load: Load): () => void {
    upstreamLink.onMoment = (moment: UpstreamMoment) => this.reach(`upstream: ${moment}`)
    load.onMoment = (moment: ClientMoment) => this.reach(`client: ${moment}`)
    postgresLink.judge = (moment: Moment, statement: string) => {
      this.reach(`postgres: ${moment === 'statement' ? purposeOf(statement) : moment}`)
      return 'pass'
    }
    return () => {
      upstreamLink.onMoment = () => undefined
      postgresLink.judge = () => 'pass'
    }
  }
}

function purposeOf(statement: string): string {
  if (statement.includes('"key_hash" = $')) return 'key look-up'
  if (statement.includes('for no key update')) return 'usage locks'
  if (statement.includes('insert into ledger_entries')) return 'usage recording'
  return 'other'
}
