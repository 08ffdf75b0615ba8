import type { Surroundings } from '../env.ts'

/** What browsers hand to the person and to the authenticator, and what they sign. */
export interface RelyingParty {
  /** A passkey belongs to this host, and can be used nowhere else. */
  id: string
  name: string
  origin: string
}

export function relyingPartyOf({ portalUrl }: Pick<Surroundings, 'portalUrl'>): RelyingParty {
  return { id: new URL(portalUrl).hostname, name: 'Rocket Relay', origin: portalUrl }
}

/** COSE numbers of EdDSA, ES256 and RS256, the ones that authenticators in use have and that Workers verify. */
export const algorithms = [-8, -7, -257]
