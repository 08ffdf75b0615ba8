import type { Prompt } from '../count-tokens.ts'

/**
 * All texts of a value: every text, key and number as it reads, but for what is left out, such as images. Each member of an object and each element of a
 * list is a frame: around a message, a tool, a property or one value of an enum stand at most so many tokens of the provider's own. Does not recurse, so
 * depth does not matter.
 */
export function textsOf(root: unknown, leftOut: ReadonlySet<unknown>): Prompt {
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

/** A member of whatever came; undefined for what is no object. */
export function memberOf(value: unknown, key: string): unknown {
  return typeof value === 'object' && value !== null ? Reflect.get(value, key) : undefined
}
