/**
 * All texts of a value as they read: strings, numbers and keys, but for what is left out. Each member of an object and each element of a list is a
 * frame: around a message, a tool, a property or one value of an enum stand at most so many tokens of the provider's own. Does not recurse, so depth
 * does not matter.
 */
export function textsOf(root: unknown, leftOut: ReadonlySet<unknown>): { texts: string[]; frames: number } {
  const texts: string[] = []
  let frames = 0
  const left = [root]
  while (left.length > 0) {
    const value = left.pop()
    if (typeof value !== 'object' || value === null) texts.push(String(value))
    else if (!leftOut.has(value)) {
      for (const [key, inner] of Object.entries(value)) {
        frames += 1
        if (!Array.isArray(value)) texts.push(key)
        left.push(inner)
      }
    }
  }
  return { texts, frames }
}
