/** How long a top-up can be paid on its page, in seconds. */
export const checkoutSeconds = 3_600

/** Checkouts that an organization may have begun within that time without paying: a person tries a few times, a script any number. */
export const maxOpenCheckouts = 20

/**
 * How long one call of Stripe may take while somebody waits for its page, in milliseconds: less than `keyedAnswerMs`, so that a second click hears what the
 * first was answered.
 */
export const pageTimeoutMs = 6_500
