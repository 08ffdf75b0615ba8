/** Names told at most, and the likeness from which on one is worth telling: shared pairs of letters, of all there are in both. */
const toldMost = 3
const leastLikeness = 0.5

/** Characters of a name that are looked at: a model's name is shorter, and a client's can be anything. */
const lookedAtMost = 64

export interface KnownName {
  name: string
  /** What is told when the name resembles. */
  id: string
}

/**
 * Finds up to three ids whose name, or alias, resembles one that nobody knows. Costs at most one step for each pair of letters and name that has it:
 * under a millisecond for a thousand models, whatever is asked.
 */
export function nearNames(known: KnownName[]): (name: string) => string[] {
  let index: Index | undefined
  return (name) => {
    index ??= indexOf(known)
    const asked = pairsOf(name)
    const shared = new Uint16Array(known.length)
    for (const pair of asked) for (const at of index.namesWith.get(pair) ?? []) shared[at] = (shared[at] ?? 0) + 1
    const like = index.names
      .map(({ id, pairs }, at) => ({ id, likeness: (2 * (shared[at] ?? 0)) / (asked.size + pairs) }))
      .filter(({ likeness }) => likeness >= leastLikeness)
      .sort((one, other) => other.likeness - one.likeness)
    return [...new Set(like.map(({ id }) => id))].slice(0, toldMost)
  }
}

interface Index {
  names: { id: string; pairs: number }[]
  /** Places of the names in which a pair of letters stands. */
  namesWith: Map<string, number[]>
}

function indexOf(known: KnownName[]): Index {
  const index: Index = { names: [], namesWith: new Map() }
  for (const [at, { name, id }] of known.entries()) {
    const pairs = pairsOf(name)
    index.names.push({ id, pairs: pairs.size })
    for (const pair of pairs) {
      const places = index.namesWith.get(pair)
      if (places) places.push(at)
      else index.namesWith.set(pair, [at])
    }
  }
  return index
}

/** Pairs of neighbouring letters and digits; case, hyphens and dots are what people get wrong first, so they do not count. */
function pairsOf(name: string): Set<string> {
  const text = `^${name
    .slice(0, lookedAtMost)
    .toLowerCase()
    .replace(/[^a-z0-9]/g, '')}`
  const pairs = new Set<string>()
  for (let at = 1; at < text.length; at++) pairs.add(text.slice(at - 1, at + 1))
  return pairs
}
