import type { UsageFault } from './behaviours.ts'

/** Usage as text, because some faults (1e400, NaN) cannot be said by JSON.stringify. */
export type ReportedUsage = { json: string; parsed: unknown }

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

/** Usage whose counts are all wrong in the same way; undefined for a fault that leaves the counts alone. */
export function reportWrongCounts(fault: UsageFault | undefined, fields: readonly string[]): ReportedUsage | undefined {
  const wrong = fault && wrongCounts[fault]
  if (wrong === undefined) return undefined
  const json = `{${fields.map((field) => `"${field}":${wrong}`).join(',')}}`
  // Infinity and NaN do not survive JSON, so the truth shows the text that was sent.
  return { json, parsed: fault === 'overflow' || fault === 'not-a-number' ? json : JSON.parse(json) }
}
