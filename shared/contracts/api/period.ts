import { z } from 'zod'

const hourMs = 3_600_000
const dayMs = 24 * hourMs

/** A day of UTC, such as `2026-01-31`, or an instant with its offset, such as `2026-01-31T09:00:00Z`. */
export const Moment = z
  .union([z.iso.date(), z.iso.datetime({ offset: true }).max(40)], 'is neither a day, such as 2026-01-31, nor an instant in ISO 8601')
  .refine((text) => /^2[01]\d\d-/.test(text), 'lies outside of the years 2000 to 2199')
export type Moment = z.infer<typeof Moment>

/** From one moment, which is in it, to another, which is not, in milliseconds since 1970. */
export interface Period {
  fromMs: number
  toMs: number
}

/** When a period begins that begins with this moment. */
export function beginningOf(moment: Moment): number {
  return Date.parse(moment)
}

/** When a period ends that ends with this moment: a day belongs to it as a whole, an instant does not. */
export function endOf(moment: Moment): number {
  return isDay(moment) ? Date.parse(moment) + dayMs : Date.parse(moment)
}

/** The least period of whole hours or days (UTC) that has all of this one. */
export function widened({ fromMs, toMs }: Period, unit: 'hour' | 'day'): Period {
  const unitMs = unit === 'hour' ? hourMs : dayMs
  return { fromMs: Math.floor(fromMs / unitMs) * unitMs, toMs: Math.ceil(toMs / unitMs) * unitMs }
}

function isDay(moment: Moment): boolean {
  return moment.length === 10
}
