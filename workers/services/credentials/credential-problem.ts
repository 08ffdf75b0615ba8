import { maxProviderCredentials } from '#db/queries/add-provider-credential.ts'
import { Problem } from '#workers/edge/problem.ts'
import type { AddCredentialOutcome } from './add.ts'
import type { ReplaceCredentialOutcome } from './replace.ts'
import type { TestCredentialOutcome } from './test.ts'

type Refusal = Extract<AddCredentialOutcome | ReplaceCredentialOutcome | TestCredentialOutcome, { outcome: 'refused' }>

/** A refusal about a provider credential as the caller is told it; `keyIds` are those that the request named. */
export function credentialProblem(refusal: Refusal, keyIds: string[] = []): Problem {
  switch (refusal.reason) {
    case 'organization_unknown':
      return new Problem('not_found', 'There is no such organization.')
    case 'credential_unknown':
      return new Problem('not_found', 'There is no such provider credential of this organization.')
    case 'too_many_credentials':
      return new Problem(
        'conflict',
        `The organization has ${maxProviderCredentials} provider credentials, as many as it may have. Remove one first.`,
      )
    case 'overtaken':
      return new Problem(
        'conflict',
        'The key was replaced or removed by somebody else in between; nothing was changed. Look, and try again.',
      )
    case 'provider_unknown':
      return wrong('The relay takes no keys of this provider.', '#/provider', `must be one of ${refusal.known.join(', ')}`)
    case 'base_url_refused':
      return wrong('The relay sends no keys to this address.', '#/baseUrl', refusal.detail)
    case 'base_url_unresolved':
      return new Problem('unavailable', 'DNS did not tell where the base URL leads, so nothing was stored or sent. Try again in a moment.')
    case 'key_unknown': {
      const fields = refusal.keyIds.map((id) => ({
        pointer: `#/keyIds/${keyIds.indexOf(id)}`,
        detail: 'is no living key of this organization',
      }))
      return new Problem('invalid_request', 'A credential can be bound to living keys of its organization only.', fields)
    }
    case 'key_refused':
      return new Problem('key_refused', `The provider refuses this key (status ${refusal.status}), and nothing was stored. ${advice}`, [
        { pointer: '#/apiKey', detail: 'is refused by the provider' },
      ])
    case 'provider_unreachable':
      return new Problem(
        'provider_unreachable',
        `The provider did not show whether it takes this key (${statusText(refusal.status)}), and nothing was stored. ${advice}`,
      )
  }
}

const advice = 'To store a key without asking the provider, set skipValidation (--skip-validation).'

function statusText(status: number | null): string {
  return status === null ? 'it could not be reached' : `its list of models answers ${status}`
}

function wrong(what: string, pointer: string, detail: string): Problem {
  return new Problem('invalid_request', what, [{ pointer, detail }])
}
