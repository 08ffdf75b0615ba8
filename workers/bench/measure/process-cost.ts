import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'

/** Linux counts process time in ticks of 10 ms on every architecture Node runs on. */
const ticksPerSecond = 100

/** Seconds of processor time, user and system, that a living process and all its threads have used. */
export function cpuSeconds(pid: number): number {
  if (process.platform !== 'linux') return parsePsTime(readPs(pid, 'time='))
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
  // The command name before them may hold spaces and brackets, so the fields begin after its last closing one.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  return (Number(fields[11]) + Number(fields[12])) / ticksPerSecond
}

/** Resident memory of a living process, in megabytes of a million bytes. */
export function residentMegabytes(pid: number): number {
  if (process.platform !== 'linux') return (Number(readPs(pid, 'rss=')) * 1_024) / 1e6
  const match = /^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))
  return (Number(match?.[1]) * 1_024) / 1e6
}

/** `[[days-]hours:]minutes:seconds[.fraction]`, as `ps` writes it. */
export function parsePsTime(text: string): number {
  const [clock = '', days = '0'] = text.trim().split('-').reverse()
  return clock.split(':').reduce((seconds, part) => seconds * 60 + Number(part), 0) + Number(days) * 86_400
}

function readPs(pid: number, column: string): string {
  return execFileSync('ps', ['-o', column, '-p', String(pid)], { encoding: 'utf8' })
}
