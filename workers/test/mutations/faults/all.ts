import type { Fault } from '../fault.ts'
import { books } from './books.ts'
import { idempotency } from './idempotency.ts'
import { ledger } from './ledger.ts'
import { pricing } from './pricing.ts'
import { proxy } from './proxy.ts'
import { usage } from './usage.ts'

export interface PlantedFault {
  room: string
  fault: Fault
}

/** Every fault, by the room it is planted in. */
export const plantedFaults: PlantedFault[] = Object.entries({ pricing, books, usage, proxy, ledger, idempotency }).flatMap(
  ([room, faults]) => faults.map((fault) => ({ room, fault })),
)
