/** Every error of KMS that is played here, with the status AWS documents for it. */
const statuses = {
  AccessDeniedException: 400,
  DependencyTimeoutException: 503,
  DisabledException: 400,
  IncompleteSignatureException: 400,
  IncorrectKeyException: 400,
  InvalidCiphertextException: 400,
  InvalidSignatureException: 400,
  KeyUnavailableException: 500,
  KMSInternalException: 500,
  KMSInvalidStateException: 400,
  MissingAuthenticationTokenException: 400,
  NotFoundException: 400,
  RequestEntityTooLargeException: 413,
  SerializationException: 400,
  ThrottlingException: 400,
  UnknownOperationException: 400,
  UnrecognizedClientException: 400,
  UnsupportedOperationException: 400,
  ValidationException: 400,
} as const

export type RefusalType = keyof typeof statuses

/** Ends a call with an error of KMS. Some come without a message, as from AWS: a client must not need one. */
export class KmsRefusal extends Error {
  override name = 'KmsRefusal'
  readonly type: RefusalType

  constructor(type: RefusalType, message = '') {
    super(message)
    this.type = type
  }

  get status(): number {
    return statuses[this.type]
  }

  get body(): Record<string, string> {
    return { __type: this.type, ...(this.message ? { message: this.message } : {}) }
  }
}
