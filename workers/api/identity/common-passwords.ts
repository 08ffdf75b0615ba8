import { commonPasswords } from './common-passwords.generated.ts'

/** Shorter ones than this would be found in any password. */
const shortestPart = 4
/** A password that is this many common ones in a row, or fewer, adds nothing to them; four words drawn by chance are a good one. */
const mostParts = 2
/** What may stand around them, such as a year's last digits and an exclamation mark, in characters. */
const mostBeside = 3
const fewestDistinct = 5

/** Made when first asked, because splitting the list costs every start of an isolate otherwise. */
let parts: Set<string> | undefined
let longestPart = 0

/** Whether a password is among those that are tried first: a common one, two of them in a row, little more around them, or the same few characters. */
export function isCommonPassword(password: string): boolean {
  const text = password.normalize('NFKC').toLowerCase()
  if (new Set(text).size < fewestDistinct) return true
  const known = knownParts()
  return text.length <= mostParts * longestPart + mostBeside && leastBeside(text, known) <= mostBeside
}

function knownParts(): Set<string> {
  if (parts) return parts
  const made = new Set(commonPasswords.split(' ').filter((each) => each.length >= shortestPart))
  for (const each of made) longestPart = Math.max(longestPart, each.length)
  parts = made
  return made
}

/** How many characters remain, at the least, when as many common passwords as may be are taken out. */
function leastBeside(text: string, known: Set<string>): number {
  let least = Array.from({ length: text.length + 1 }, (_, end) => end)
  for (let taken = 0; taken < mostParts; taken++) least = withOneMore(text, known, least)
  return least[text.length] ?? text.length
}

/** `before[end]` is the least of the text up to `end`; answers the same when one more part may be taken. */
function withOneMore(text: string, known: Set<string>, before: number[]): number[] {
  const after = [...before]
  for (let end = 1; end <= text.length; end++) {
    let least = Math.min(before[end] ?? end, (after[end - 1] ?? 0) + 1)
    for (let start = Math.max(0, end - longestPart); start <= end - shortestPart; start++)
      if (known.has(text.slice(start, end))) least = Math.min(least, before[start] ?? start)
    after[end] = least
  }
  return after
}
