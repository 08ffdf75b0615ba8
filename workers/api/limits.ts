/** Largest body, in bytes: the longest lists of models a key may carry fit in it, and nothing else comes near. */
export const maxBodyBytes = 64 * 1024

/** How long an access cookie is good for, in seconds. */
export const accessSeconds = 600

/** How recently somebody must have shown who they are for an operation that asks for it, in milliseconds. */
export const freshMs = 10 * 60_000

/** How long somebody may take to answer with a passkey, in seconds. */
export const passkeySeconds = 300

/** How long somebody may take to sign in at GitHub or Google, in seconds. */
export const oauthSeconds = 600

/** How long to wait for each answer of GitHub or Google, in milliseconds. */
export const oauthTimeoutMs = 10_000

/** How long an isolate goes by an OpenID issuer's discovery document, in milliseconds. */
export const knownIssuerMs = 60 * 60_000

/** How long a signing key signs, in milliseconds: thirty days. */
export const signingKeyMs = 30 * 86_400_000

/** How long a retired signing key still verifies, in milliseconds: a little longer than what it signed is good for. */
export const verifiedMs = { access: 15 * 60_000, mail: 8 * 86_400_000 } as const

/** How long a pair of keys signs receipts and statements, in milliseconds: a year. Each is published for good. */
export const receiptKeyMs = 365 * 86_400_000

/** How long the published keys may be cached, in milliseconds: a new pair signs nothing before whoever caches them knows it. */
export const publishedKeysMs = 3_600_000

/** How long an isolate goes by the signing keys it has read, in milliseconds. */
export const knownSigningKeysMs = 60_000

const minuteMs = 60_000

/** How long a link in a mail can be used, in milliseconds. One that sets a password lies in a mailbox no longer than somebody waits for it. */
export const mailLinkMs = { verify_email: 24 * 60 * minuteMs, reset_password: 60 * minuteMs, change_email: 24 * 60 * minuteMs } as const

/** Answers that must not tell whether an account exists are given at whole multiples of this, in milliseconds: longer than what makes the difference. */
export const answerStepMs = 400

/**
 * How often something may be tried within a window, from one address and for one account. An office shares an address; a person mistypes a password a few
 * times; nobody needs the tenth mail within an hour.
 */
export const attemptLimits = {
  sign_up: { perIp: 20, perAccount: 5, windowMs: 60 * minuteMs },
  sign_in: { perIp: 100, perAccount: 10, windowMs: 15 * minuteMs },
  second_factor: { perIp: 100, perAccount: 10, windowMs: 15 * minuteMs },
  passkey: { perIp: 200, perAccount: 40, windowMs: 15 * minuteMs },
  oauth: { perIp: 200, perAccount: 40, windowMs: 15 * minuteMs },
  mail_link: { perIp: 20, perAccount: 5, windowMs: 60 * minuteMs },
  link_use: { perIp: 100, perAccount: 10, windowMs: 15 * minuteMs },
  invitation: { perIp: 100, perAccount: 50, windowMs: 60 * minuteMs },
  promotion_code: { perIp: 30, perAccount: 10, windowMs: 60 * minuteMs },
} as const

/** How long to wait for Redis where it only limits, in milliseconds. */
export const redisTimeoutMs = 1_000

/** How long to wait for Redis where nothing can be answered without it, in milliseconds. */
export const redisAnswerMs = 3_000

/** How long a session lasts, however often it is refreshed, in milliseconds: thirty days. */
export const sessionMs = 30 * 86_400_000

/** How long a spent refresh token still gives its successor, in milliseconds: two tabs may refresh at once. */
export const successorMs = 10_000

/** How long after the first factor the second may follow, in seconds. */
export const challengeSeconds = 300

/** A person owns at most this many organizations beside the personal one: each is a ledger object and a row in every hourly reconciliation. */
export const maxOwnedOrganizations = 20

/** An organization has at most this many invitations that are neither accepted nor revoked: they are listed whole. */
export const maxOpenInvitations = 100

/** How long an invitation can be accepted, in milliseconds: seven days. */
export const invitationMs = 7 * 86_400_000

/** An organization has at most this many spend alerts: each is looked at whenever spend is. */
export const maxSpendAlerts = 20

/** An organization has at most this many webhook endpoints: each event is delivered to each of them, and they are listed whole. */
export const maxWebhookEndpoints = 20

/** How long a page about a balance waits for what only the ledger object knows, in milliseconds. */
export const ledgerViewTimeoutMs = 2_000

/** Lines of the request log that one page looks at for what no index knows: some ten milliseconds of Postgres. */
export const maxLinesRead = 2_000

/** As `maxLinesRead`, for a page of a CSV. */
export const maxLinesReadToExport = 20_000

/** Lines of the request log that are in memory at once while a CSV is written: about a megabyte. */
export const exportedLinesAtOnce = 2_000

/**
 * How long the first request of an Idempotency-Key may take to keep its answer, in milliseconds: longer than a push to the ledger. Others wait for it as
 * long, and afterwards hold it for cut off.
 */
export const keyedAnswerMs = 8_000

/** Entries of a statement that are in memory at once while it is written: about two megabytes. Each page is three statements of the 10,000 that one may make. */
export const statementEntriesAtOnce = 2_000
