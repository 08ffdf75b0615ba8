import { assert } from '#shared/values/assert.ts'

/** One member of a JSON object's text: its key as it reads, and where the text of its value begins and ends. */
interface Member {
  key: string
  isEscaped: boolean
  valueStart: number
  end: number
}

/**
 * The text of a JSON object with some members set to new texts, or taken out where the new text is null. What is not set stays as it was written:
 * numbers, spaces, order. Of a key given twice only the last is kept, and a key written with escapes is written plainly, because another parser may
 * read those otherwise than JSON.parse did. Only for a text that JSON.parse has taken and that is an object. Does not recurse: depth does not matter.
 */
export function setMembers(text: string, values: ReadonlyMap<string, string | null>): string {
  const members = membersOf(text)
  const last = new Map(members.map((member) => [member.key, member]))
  const isPlain = last.size === members.length && members.every((member) => !member.isEscaped && values.get(member.key) !== null)
  const added = [...values].flatMap(([key, value]) => (last.has(key) || value === null ? [] : `${JSON.stringify(key)}:${value}`))
  if (!isPlain) {
    const kept = [...last.values()]
      .filter(({ key }) => values.get(key) !== null)
      .map((member) => `${JSON.stringify(member.key)}:${values.get(member.key) ?? textOf(text, member)}`)
    return `{${[...added, ...kept].join(',')}}`
  }
  let written = ''
  let from = text.indexOf('{') + 1
  const begin = text.slice(0, from) + added.join(',') + (added.length > 0 && members.length > 0 ? ',' : '')
  for (const member of members) {
    const value = values.get(member.key)
    if (value === undefined || value === null) continue
    written += text.slice(from, member.valueStart) + value
    from = member.end
  }
  return begin + written + text.slice(from)
}

/** The text of one member's value, or null when there is none; of a key given twice the last. */
export function memberText(text: string, key: string): string | null {
  const member = membersOf(text).findLast((candidate) => candidate.key === key)
  return member ? textOf(text, member) : null
}

/**
 * Whether an object at any depth of a JSON text has a key twice, so that another parser may read the other value. Of a key given twice JSON.parse keeps
 * one, so the value has fewer members than the text. `value` is what the text reads as.
 */
export function hasRepeatedKey(text: string, value: unknown): boolean {
  let written = 0
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at)
    if (code === quote) at = stringEnd(text, at) - 1
    else if (code === colon) written += 1
  }
  let read = 0
  const left = [value]
  while (left.length > 0) {
    const inner = left.pop()
    if (typeof inner !== 'object' || inner === null) continue
    const members: unknown[] = Object.values(inner)
    if (!Array.isArray(inner)) read += members.filter((member) => member !== undefined).length
    for (const member of members) left.push(member)
  }
  return read < written
}

function textOf(text: string, member: Member): string {
  return text.slice(member.valueStart, member.end)
}

const quote = 34
const comma = 44
const colon = 58
const openBracket = 91
const backslash = 92
const closeBracket = 93
const openBrace = 123
const closeBrace = 125

function membersOf(text: string): Member[] {
  const members: Member[] = []
  let key: string | null = null
  let valueStart = 0
  let depth = 0
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at)
    if (code === quote) {
      const end = stringEnd(text, at)
      if (depth === 1) key ??= text.slice(at, end)
      at = end - 1
      continue
    }
    if (depth === 1 && code === colon) valueStart = at + 1
    if (depth === 1 && key !== null && (code === comma || code === closeBrace)) {
      members.push(memberOf(key, valueStart, at))
      key = null
    }
    if (code === openBrace || code === openBracket) depth += 1
    if (code === closeBrace || code === closeBracket) depth -= 1
  }
  return members
}

function memberOf(keyText: string, valueStart: number, end: number): Member {
  const isEscaped = keyText.includes('\\')
  return { key: isEscaped ? String(JSON.parse(keyText)) : keyText.slice(1, -1), isEscaped, valueStart, end }
}

/** The place after the quote that ends a string; one behind an odd number of backslashes does not. */
function stringEnd(text: string, start: number): number {
  for (let end = text.indexOf('"', start + 1); ; end = text.indexOf('"', end + 1)) {
    assert(end !== -1, 'a string of valid JSON has an end')
    let backslashes = 0
    while (text.charCodeAt(end - 1 - backslashes) === backslash) backslashes += 1
    if (backslashes % 2 === 0) return end + 1
  }
}
