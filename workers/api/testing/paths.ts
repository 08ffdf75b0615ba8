import type { parameters } from '#shared/contracts/api/parameters.ts'
import { assert } from '#shared/values/assert.ts'
import { parameterOf } from '../endpoint.ts'

/** One of each form that a parameter may have; ids of nothing that exists. */
const samples = ['org', 'key', 'usr', 'ses', 'pky', 'inv', 'mgk', 'byk', 'alr', 'req', 'top', 'whe', 'dlv'].map(
  (prefix) => `${prefix}_0nothing`,
)

/** What a parameter of a path may look like, of nothing that exists. */
export function sampleOf(name: string): string {
  const contract = parameterOf(name)
  const sample = [...samples, 'github', 'page.css', '2026-01'].find((each) => contract.safeParse(each).success)
  assert(sample, `workers/api/testing/paths.ts has a sample of the parameter ${name}`)
  return sample
}

/** A path whose parameters are filled: the given ones, and well-formed ones of nothing. */
export function pathOf(path: string, given: Partial<Record<keyof typeof parameters, string>>): string {
  const named: Record<string, string | undefined> = given
  return path.replaceAll(/:(\w+)/g, (_, name: string) => named[name] ?? sampleOf(name))
}
