import type { Fault } from '../fault.ts'
import { anthropic } from './anthropic.ts'
import { books } from './books.ts'
import { catalogue } from './catalogue.ts'
import { gemini } from './gemini.ts'
import { idempotency } from './idempotency.ts'
import { ledger } from './ledger.ts'
import { media } from './media.ts'
import { ownKeys } from './own-keys.ts'
import { payments } from './payments.ts'
import { pricing } from './pricing.ts'
import { proxy } from './proxy.ts'
import { responses } from './responses.ts'
import { routing } from './routing.ts'
import { secrets } from './secrets.ts'
import { usage } from './usage.ts'

export interface PlantedFault {
  room: string
  fault: Fault
}

/** Every fault, by the room it is planted in. */
export const plantedFaults: PlantedFault[] = Object.entries({
  pricing,
  catalogue,
  books,
  usage,
  proxy,
  anthropic,
  gemini,
  responses,
  routing,
  media,
  ledger,
  idempotency,
  payments,
  ownKeys,
  secrets,
}).flatMap(([room, faults]) => faults.map((fault) => ({ room, fault })))
