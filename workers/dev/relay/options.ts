import { type Command, InvalidArgumentError } from 'commander'
import { Limits } from '#shared/contracts/account.ts'
import { parseUsd } from '#shared/values/money.ts'

/** `12.34` dollars as nano-dollars, exactly. */
export function usdOption(text: string): number {
  const nanos = parseUsd(text)
  if (nanos === null) throw new InvalidArgumentError('An amount in dollars such as 12.34, with at most nine places.')
  return nanos
}

/** As usdOption, but nothing below zero. */
export function positiveUsdOption(text: string): number {
  const nanos = usdOption(text)
  if (nanos < 0) throw new InvalidArgumentError('It must not be negative.')
  return nanos
}

export function dayOption(text: string): string {
  const day = /^\d{4}-\d{2}-\d{2}$/.test(text) ? new Date(`${text}T00:00:00Z`) : new Date(Number.NaN)
  if (Number.isNaN(day.getTime()) || day.toISOString().slice(0, 10) !== text)
    throw new InvalidArgumentError('A day such as 2026-01-31 (UTC).')
  return text
}

/** A day (its beginning, UTC) or a full time, in the future; a key that has expired already is a typing error. */
export function expiryOption(text: string): string {
  const isTime = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}(:\d{2}(\.\d{1,3})?)?(Z|[+-]\d{2}:\d{2})$/.test(text)
  const timeMs = isTime ? Date.parse(text) : Date.parse(`${dayOption(text)}T00:00:00Z`)
  if (Number.isNaN(timeMs)) throw new InvalidArgumentError('A day such as 2027-01-01, or a time such as 2027-01-01T12:00:00Z.')
  if (timeMs <= Date.now()) throw new InvalidArgumentError('It lies in the past.')
  return new Date(timeMs).toISOString()
}

export function listOption(text: string): string[] {
  const items = text.split(',').map((item) => item.trim())
  if (items.some((item) => item === '')) throw new InvalidArgumentError('Names separated by commas, such as gpt-a,claude-b.')
  return items
}

type Choice = number | 'none'

/** What the limit options leave behind, by the names commander makes. The word stands for itself, because commander turns null into an empty text. */
export type LimitChoices = { [Name in (typeof limitNames)[number][0]]?: Choice } & { spendPerDayUsd?: Choice; spendPerMonthUsd?: Choice }

const spendNames = [
  ['spendPerDayNanos', '--spend-per-day-usd', 'dollars spent in a day (UTC)'],
  ['spendPerMonthNanos', '--spend-per-month-usd', 'dollars spent in a month (UTC)'],
] as const

const limitNames = [
  ['requestsPerMinute', '--requests-per-minute', 'requests in a minute'],
  ['tokensPerMinute', '--tokens-per-minute', 'tokens in a minute'],
  ['requestsPerDay', '--requests-per-day', 'requests in a day (UTC)'],
  ['concurrency', '--concurrency', 'requests at the same time'],
] as const

export function addLimitOptions(command: Command): Command {
  for (const [name, flag, what] of limitNames) {
    command.option(`${flag} <number>`, `${what}; none for no such limit`, (text: string) => limitOption(name, text))
  }
  for (const [, flag, what] of spendNames) command.option(`${flag} <dollars>`, `${what}; none for no such cap`, usdOrNoneOption)
  return command
}

/** As positiveUsdOption, or the word none. */
export function usdOrNoneOption(text: string): number | 'none' {
  return text === 'none' ? 'none' : positiveUsdOption(text)
}

function limitOption(name: keyof Limits, text: string): number | 'none' {
  if (text === 'none') return 'none'
  const value = /^\d{1,15}$/.test(text) ? Limits.shape[name].safeParse(Number(text)) : undefined
  if (value?.success !== true) throw new InvalidArgumentError('A whole number in its range, or none.')
  return value.data ?? 'none'
}

/** The limits that result when the choices are laid over what there is. */
export function chosenLimits(options: LimitChoices, present: Limits = {}): Limits {
  const choices = choicesOf(options)
  const limits: Limits = {}
  for (const [name] of [...limitNames, ...spendNames]) {
    const value = choices[name] === undefined ? present[name] : choices[name]
    if (value !== undefined && value !== 'none') limits[name] = value
  }
  return limits
}

export function hasChoices(options: LimitChoices): boolean {
  return Object.values(choicesOf(options)).some((choice) => choice !== undefined)
}

function choicesOf(options: LimitChoices): { [Name in keyof Limits]?: Choice | undefined } {
  const { requestsPerMinute, tokensPerMinute, requestsPerDay, concurrency, spendPerDayUsd, spendPerMonthUsd } = options
  return {
    requestsPerMinute,
    tokensPerMinute,
    requestsPerDay,
    concurrency,
    spendPerDayNanos: spendPerDayUsd,
    spendPerMonthNanos: spendPerMonthUsd,
  }
}
