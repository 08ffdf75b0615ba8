import { describe, test } from 'vitest'
import { eventIdOf, type UsageEvent } from '#shared/contracts/usage-event.ts'
import { settledKept } from './limits.ts'
import { Position } from './position.ts'
import { SpendingBook } from './spending.ts'
import { facts, settlement } from './testing/customer.ts'
import { unconfirmedOf } from './unconfirmed.ts'

const noonMs = Date.UTC(2030, 0, 31, 12)
const dayMs = 86_400_000

function settle(position: Position, requestId: string, costNanos: number): boolean {
  const event: UsageEvent = {
    kind: 'settlement',
    amountNanos: -costNanos,
    settledAtMs: noonMs,
    request: facts(requestId, { startedAtMs: noonMs }),
    settlement: settlement(costNanos),
  }
  return position.addUnconfirmed(eventIdOf(event), unconfirmedOf(event))
}

test('a request settled again after its result was forgotten is counted once as long as it is unconfirmed', ({ expect }) => {
  const position = new Position()
  settle(position, 'req_first', 400)
  for (let index = 0; index < settledKept; index++) settle(position, `req_${index}`, 1)
  expect(position.settled.has('req_first')).toBe(false)
  expect(settle(position, 'req_first', 500)).toBe(false)
  expect(position.unconfirmedNanos).toBe(-400 - settledKept)
  expect(position.spending.spent(null, noonMs).dayNanos).toBe(400 + settledKept)
})

describe('what is spent', () => {
  const spent = (book: SpendingBook, nowMs: number) => [book.spent(null, nowMs), book.spent('key_1', nowMs)]

  test('counts in the day and month of its admission, and a new one begins with nothing', ({ expect }) => {
    const book = new SpendingBook()
    book.add({ keyId: 'key_1', admittedAtMs: noonMs - dayMs, nanos: 200 })
    book.add({ keyId: 'key_1', admittedAtMs: noonMs, nanos: 30 })
    const sums = { dayNanos: 30, monthNanos: 230 }
    expect(spent(book, noonMs)).toEqual([sums, sums])
    book.add({ keyId: 'key_1', admittedAtMs: noonMs + dayMs, nanos: 4 })
    const february = { dayNanos: 4, monthNanos: 4 }
    expect(spent(book, noonMs + dayMs)).toEqual([february, february])
  })

  test('on a day that is over is nothing on the next, also before anything is spent there', ({ expect }) => {
    const book = new SpendingBook()
    book.add({ keyId: 'key_1', admittedAtMs: noonMs - dayMs, nanos: 200 })
    expect(book.spent(null, noonMs)).toEqual({ dayNanos: 0, monthNanos: 200 })
    expect(book.spent(null, noonMs + dayMs)).toEqual({ dayNanos: 0, monthNanos: 0 })
  })

  test('late, for a day that is over, changes nothing of the running one', ({ expect }) => {
    const book = new SpendingBook()
    book.add({ keyId: 'key_1', admittedAtMs: noonMs, nanos: 30 })
    book.add({ keyId: 'key_1', admittedAtMs: noonMs - dayMs, nanos: 200 })
    expect(book.spent(null, noonMs)).toEqual({ dayNanos: 30, monthNanos: 230 })
  })

  test('is given back by a correction, and one key spends nothing of another', ({ expect }) => {
    const book = new SpendingBook()
    book.add({ keyId: 'key_1', admittedAtMs: noonMs, nanos: 30 })
    book.add({ keyId: 'key_2', admittedAtMs: noonMs, nanos: 500 })
    book.add({ keyId: 'key_1', admittedAtMs: noonMs, nanos: -20 })
    expect([book.spent(null, noonMs), book.spent('key_1', noonMs)]).toEqual([
      { dayNanos: 510, monthNanos: 510 },
      { dayNanos: 10, monthNanos: 10 },
    ])
  })
})
