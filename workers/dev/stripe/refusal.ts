export type ErrorType = 'invalid_request_error' | 'idempotency_error' | 'card_error' | 'api_error'

/** What Stripe puts into its envelope beside type and message. */
export interface RefusalDetails {
  code?: string
  param?: string
  decline_code?: string
  charge?: string
  payment_intent?: object
  payment_method?: object
}

/** An error as Stripe's API answers it. */
export class StripeRefusal extends Error {
  readonly status: number
  readonly type: ErrorType
  readonly details: RefusalDetails

  constructor(status: number, type: ErrorType, message: string, details: RefusalDetails = {}) {
    super(message)
    this.status = status
    this.type = type
    this.details = details
  }

  get body(): object {
    return { error: { message: this.message, type: this.type, ...this.details } }
  }
}

/** A request that cannot be served as it is. */
export function invalidRequest(message: string, details: RefusalDetails = {}): StripeRefusal {
  return new StripeRefusal(400, 'invalid_request_error', message, details)
}

/** What was asked for is done, but the caller does not learn it: it gets a 500, nothing at all, or a cut connection. */
export class LostAnswer extends Error {
  readonly way: 'answer_500' | 'hang' | 'cut'
  readonly object: object

  constructor(way: LostAnswer['way'], object: object) {
    super(`the answer is lost: ${way}`)
    this.way = way
    this.object = object
  }
}
