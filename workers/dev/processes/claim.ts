import { mkdirSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import { replaceFile } from '../replace-file.ts'
import { identifyProcess, listProcesses, type ProcessEntry } from './identity.ts'

/** How long a killed process may take to vanish. Postgres backends notice the death of their parent within this time. */
const vanishTimeoutMs = 5_000

/**
 * Makes this process the owner of a stack directory. Throws when another living process owns it, and ends
 * whatever an earlier owner left running, so that a kill -9 never blocks the next start.
 */
export async function claimDirectory(directory: string): Promise<{ ended: number; release: () => void }> {
  const runDirectory = join(directory, 'run')
  mkdirSync(runDirectory, { recursive: true })
  const ownerFile = ownerFileOf(directory)
  const owner = livingOwner(directory)
  if (owner !== null) throw new Error(`A stack already runs in ${directory} (process ${owner}). Stop it first.`)
  replaceFile(ownerFile, JSON.stringify({ pid: process.pid, identity: identifyProcess(process.pid) }))
  const ended = await endLeftovers(directory)
  return { ended, release: () => rmSync(ownerFile, { force: true }) }
}

/** The process that owns a stack directory now; null when none does. */
export function livingOwner(directory: string): number | null {
  const owner = readOwner(ownerFileOf(directory))
  return owner && identifyProcess(owner.pid) === owner.identity ? owner.pid : null
}

function ownerFileOf(directory: string): string {
  return join(directory, 'run', 'owner.json')
}

async function endLeftovers(directory: string): Promise<number> {
  const leftovers = findLeftovers(directory)
  const deadline = Date.now() + vanishTimeoutMs
  for (let alive = leftovers; alive.length > 0; alive = findLeftovers(directory)) {
    if (Date.now() > deadline) throw new Error(`Processes of an earlier run in ${directory} do not end: ${alive.join(', ')}`)
    for (const pid of alive) endProcess(pid)
    await wait(50)
  }
  return leftovers.length
}

/**
 * Ids of the processes that carry the stack's marker, and of those that share a group with one or with a recorded
 * leader. wrangler starts workerd without our environment, so a workerd is known by its group alone.
 */
function findLeftovers(directory: string): number[] {
  const processes = listProcesses(directory)
  const own = processes.find((each) => each.pid === process.pid)
  const markedGroups = new Set(processes.filter((each) => each.isMarked).map((each) => each.groupId))
  const recordedGroups = new Set(readRecordedGroups(join(directory, 'run')))
  const isLeftover = (each: ProcessEntry) =>
    each.isMarked || markedGroups.has(each.groupId) || (recordedGroups.has(each.groupId) && each.command.includes('/workerd'))
  return processes.filter((each) => each.groupId !== own?.groupId && isLeftover(each)).map((each) => each.pid)
}

/** The group ids in the pid files. A number may belong to a stranger by now, so it alone proves nothing. */
function readRecordedGroups(runDirectory: string): number[] {
  const files = readdirSync(runDirectory).filter((name) => name.endsWith('.pid'))
  return files.map((name) => Number.parseInt(readFileSync(join(runDirectory, name), 'utf8'), 10))
}

function endProcess(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL')
  } catch {
    // It ended by itself between the look and the signal, which is what was wanted.
  }
}

function readOwner(file: string): { pid: number; identity: string } | undefined {
  try {
    const owner: unknown = JSON.parse(readFileSync(file, 'utf8'))
    if (typeof owner !== 'object' || owner === null || !('pid' in owner) || !('identity' in owner)) return undefined
    if (typeof owner.pid !== 'number' || typeof owner.identity !== 'string') return undefined
    return { pid: owner.pid, identity: owner.identity }
  } catch {
    return undefined // No owner yet, or a file cut short by a crash.
  }
}
