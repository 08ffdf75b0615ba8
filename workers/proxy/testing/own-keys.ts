import { type OwnCredential, openaiCompatible } from '#shared/contracts/provider-credential.ts'

/** A credential at OpenAI for every model and API key, which nobody has sealed. */
export function credentialOf(fields: Partial<OwnCredential> = {}): OwnCredential {
  return {
    credentialId: 'byk_1',
    provider: 'openai',
    baseUrl: null,
    priority: 0,
    models: null,
    keyIds: null,
    isPaused: false,
    sealed: { version: 1, kek: 'local', kekId: 'a', wrappedDek: 'w'.repeat(80), sealed: 's'.repeat(39) },
    ...fields,
  }
}

/** A credential at a provider that only its customer knows. */
export function compatibleOf(fields: Partial<OwnCredential> = {}): OwnCredential {
  return credentialOf({ provider: openaiCompatible, baseUrl: 'https://llm.example.com/v1', models: ['theirs'], ...fields })
}
