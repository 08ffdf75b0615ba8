import { expect, inject } from 'vitest'
import type { ProcessName } from '#workers/dev/stack.ts'

/** Kills a process and all it started, as a power cut would; the supervisor starts it again. */
export async function kill(...names: ProcessName[]): Promise<void> {
  await Promise.all(names.map((name) => order('kill', name)))
}

/** Resolves when the supervisor has brought the processes back. */
export async function ready(...names: ProcessName[]): Promise<void> {
  await Promise.all(names.map((name) => order('ready', name)))
}

/** Ends a process in good order and leaves it down until `restart`. */
export function halt(name: ProcessName): Promise<void> {
  return order('halt', name)
}

export function restart(name: ProcessName): Promise<void> {
  return order('restart', name)
}

async function order(verb: string, name: ProcessName): Promise<void> {
  const response = await fetch(`${inject('stack').controlUrl}/${verb}/${name}`, { method: 'POST' })
  expect(response.status, await response.text()).toBe(200)
}
