/** The UTC day of a moment, such as `2026-01-31`. */
export function utcDayOf(timeMs: number): string {
  return new Date(timeMs).toISOString().slice(0, 10)
}
