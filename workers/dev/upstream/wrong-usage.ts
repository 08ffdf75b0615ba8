import type { UsageFault } from './behaviours.ts'

/** Usage as text, because some faults (1e400, NaN) cannot be said by JSON.stringify. */
export type ReportedUsage = { json: string; parsed: unknown }

// What a count is replaced by under each fault that touches the counts themselves.
const wrongCounts: Partial<Record<UsageFault, string>> = {
  zero: '0',
  absurd: '1000000000000000',
  negative: '-5',
  text: '"12"',
  'empty-text': '""',
  fraction: '1.5',
  overflow: '1e400',
  'not-a-number': 'NaN',
}

/** A report in which each of these counts is wrong, behind what is no count; null when the fault leaves counts as they are. */
export function reportWrongUsage(
  fault: UsageFault | undefined,
  counts: readonly string[],
  texts: Readonly<Record<string, string>> = {},
): ReportedUsage | null {
  const wrong = fault && wrongCounts[fault]
  if (wrong === undefined) return null
  const members = Object.entries(texts).map(([name, text]) => `"${name}":${JSON.stringify(text)}`)
  const json = `{${[...members, ...counts.map((count) => `"${count}":${wrong}`)].join(',')}}`
  // Infinity and NaN do not survive JSON, so the truth shows the text that was sent.
  return { json, parsed: fault === 'overflow' || fault === 'not-a-number' ? json : JSON.parse(json) }
}
