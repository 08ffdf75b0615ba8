import { bookingMs } from '#db/queries/statements/month-window.ts'

/** A UTC month such as `2026-01`; `toMs` is the first moment after it. */
export function periodOf(month: string): { fromMs: number; toMs: number } {
  const [year = 0, number = 0] = month.split('-').map(Number)
  return { fromMs: Date.UTC(year, number - 1), toMs: Date.UTC(year, number) }
}

/** Whether nothing can be booked in a month any more. */
export function isFinished(month: string, nowMs: number): boolean {
  return nowMs >= periodOf(month).toMs + bookingMs
}
