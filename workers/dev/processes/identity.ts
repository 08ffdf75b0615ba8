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
  const fields = readStat(pid)
  if (!fields || fields[0] === 'Z') return undefined
  return `${readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim()} ${fields[19]}`
}

export type ProcessEntry = { pid: number; groupId: number; command: string; isMarked: boolean }

/** Every living process, with whether it was started with the marker of `directory` in its environment. */
export function listProcesses(directory: string): ProcessEntry[] {
  const marker = `${stackMarker}=${directory}`
  if (process.platform !== 'linux') return listWithPs(marker)
  const pids = readdirSync('/proc').map(Number).filter(Number.isInteger)
  return pids.flatMap((pid) => {
    const fields = readStat(pid)
    if (!fields || fields[0] === 'Z') return []
    const isMarked = readProc(pid, 'environ')?.split('\0').includes(marker) ?? false
    return [{ pid, groupId: Number(fields[2]), command: readCommandLine(pid), isMarked }]
  })
}

function listWithPs(marker: string): ProcessEntry[] {
  const lines = runPs(['-axEww', '-o', 'pid=,pgid=,command='])?.trim().split('\n') ?? []
  return lines.map((line) => {
    const [pid, groupId, ...words] = line.trim().split(/\s+/)
    const command = words.join(' ')
    return { pid: Number(pid), groupId: Number(groupId), command, isMarked: `${command} `.includes(` ${marker} `) }
  })
}

/** The command line of a living process, words joined by blanks; empty when it is gone or not ours to read. */
export function readCommandLine(pid: number): string {
  if (process.platform === 'linux') return readProc(pid, 'cmdline')?.replaceAll('\0', ' ') ?? ''
  return runPs(['-ww', '-o', 'command=', '-p', String(pid)]) ?? ''
}

/** The fields of /proc/<pid>/stat from the third on: state, parent, group, ... and the start time as the twentieth. */
function readStat(pid: number): string[] | undefined {
  const stat = readProc(pid, 'stat')
  // The command name before them may hold spaces and brackets, so they begin after its last closing one.
  return stat?.slice(stat.lastIndexOf(')') + 2).split(' ')
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
