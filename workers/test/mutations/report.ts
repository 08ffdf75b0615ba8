import type { Fault } from './fault.ts'
import type { Verdict } from './suites.ts'

export interface Judged extends Verdict {
  room: string
  fault: Fault
  seconds: number
}

/** Part of all faults that must be caught; of those that cost money, all must. */
const leastCaught = 0.95

/** Whether so many were caught that the suites may be trusted with money. */
export function isEnough(judged: Judged[]): boolean {
  const caught = judged.filter(({ verdict }) => verdict === 'caught')
  return caught.length >= leastCaught * judged.length && judged.every(({ fault, verdict }) => !fault.money || verdict === 'caught')
}

/** The figures by room, and every fault that was not caught. */
export function renderReport(judged: Judged[], minutes: number): string {
  const rooms = [...new Set(judged.map(({ room }) => room))]
  const rows = [
    ...rooms.map((room) =>
      figures(
        room,
        judged.filter((one) => one.room === room),
      ),
    ),
    figures('all', judged),
  ]
  const missed = judged.filter(({ verdict }) => verdict !== 'caught')
  const lines = missed.map(({ verdict, room, fault, by }) => {
    return `${verdict.toUpperCase()}${fault.money ? ' (money)' : ''}  ${room}: ${fault.promise}\n    ${fault.file}: ${fault.find}${by && `\n    ${by}`}`
  })
  const share = ((100 * (judged.length - missed.length)) / judged.length).toFixed(1)
  const summary = `${share} % caught in ${minutes.toFixed(1)} min: ${isEnough(judged) ? 'enough' : 'NOT ENOUGH'} (95 %, and each that costs money)`
  return `\n${[[head, ...rows].map(line).join('\n'), ...lines, summary].join('\n\n')}\n`
}

const head = ['room', 'planted', 'money', 'caught', 'survived', 'broken', 'seconds']

function figures(room: string, judged: Judged[]): string[] {
  const count = (verdict: Verdict['verdict']) => judged.filter((one) => one.verdict === verdict).length
  const seconds = judged.reduce((sum, one) => sum + one.seconds, 0)
  const money = judged.filter(({ fault }) => fault.money).length
  return [room, ...[judged.length, money, count('caught'), count('survived'), count('broken')].map(String), seconds.toFixed(0)]
}

function line([room = '', ...numbers]: string[]): string {
  return room.padEnd(9) + numbers.map((number) => number.padStart(10)).join('')
}
