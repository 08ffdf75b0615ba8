import { execFileSync } from 'node:child_process'
import { readdirSync, readFileSync } from 'node:fs'

/** Every process of a stack carries this environment variable, its value the stack's directory: how leftovers are recognised. */
export const stackMarker = 'ROCKET_RELAY_STACK'

/**
 * What tells this process apart from a later one with the same id: boot and start time.
 * `undefined` when there is no such process.
 */
export function identifyProcess(pid: number): string | undefined {
  if (process.platform !== 'linux') return runPs(['-o', 'lstart=', '-p', String(pid)])?.trim() || undefined
  const stat = readProc(pid, 'stat')
  if (stat === undefined) return undefined
  // The command name may hold spaces and brackets, so fields are counted after its closing one; the start time is field 22.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  if (fields[0] === 'Z') return undefined
  return `${readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim()} ${fields[19]}`
}

/** Ids of the living processes that were started with `marker` in their environment. */
export function findMarkedProcesses(directory: string): number[] {
  const marker = `${stackMarker}=${directory}`
  if (process.platform === 'linux') {
    const pids = readdirSync('/proc').map(Number).filter(Number.isInteger)
    return pids.filter((pid) => readProc(pid, 'environ')?.split('\0').includes(marker) && identifyProcess(pid) !== undefined)
  }
  const lines = runPs(['-axEww', '-o', 'pid=,command='])?.split('\n') ?? []
  const marked = lines.filter((line) => `${line} `.includes(` ${marker} `))
  return marked.map((line) => Number.parseInt(line, 10))
}

/** The command line of a living process, words joined by blanks; empty when it is gone or not ours to read. */
export function readCommandLine(pid: number): string {
  if (process.platform === 'linux') return readProc(pid, 'cmdline')?.replaceAll('\0', ' ') ?? ''
  return runPs(['-ww', '-o', 'command=', '-p', String(pid)]) ?? ''
}

function readProc(pid: number, file: 'stat' | 'environ' | 'cmdline'): string | undefined {
  try {
    return readFileSync(`/proc/${pid}/${file}`, 'utf8')
  } catch {
    return undefined // It ended while we looked, or it belongs to someone else: not ours either way.
  }
}

function runPs(parameters: string[]): string | undefined {
  try {
    return execFileSync('ps', parameters, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'], maxBuffer: 64 * 1024 * 1024 })
  } catch {
    return undefined // ps exits with 1 when it has nothing to list.
  }
}
