/** Somebody with an account at a provider, which the stand-in signs in by one click. */
export interface Somebody {
  /** Name of the account; the part of an address before the at sign will do. */
  login: string
  name: string
  email: string
  /** Whether the provider vouches for the address; true when absent. */
  verified?: boolean
  /** Whether Google manages the address, as it does those of Workspaces. */
  managed?: boolean
}

/** Who has accounts in a local stack: the first with the demo account's address, to see two accounts become one. */
export const demoPeople: Somebody[] = [
  { login: 'demo', name: 'Demo', email: 'demo@example.com', managed: true },
  { login: 'grace', name: 'Grace Hopper', email: 'grace@example.com' },
  { login: 'unverified', name: 'Una Verified', email: 'unverified@example.com', verified: false },
]

/** The application of a local stack at both providers; made up, so it may stand here. */
export const demoApplication = { clientId: 'rocket-relay', clientSecret: 'secret-of-a-stand-in' }
