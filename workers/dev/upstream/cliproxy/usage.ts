import type { Exchange } from '../exchange.ts'
import type { Credential } from './state.ts'

type Attempt = { endpoint: string; alias: string; requestId: string; clientKey: string }

/** Puts the request into the usage queue once it has ended, told by its ground truth. */
export function publishUsage({ cliproxy, record, response }: Exchange, credential: Credential, attempt: Attempt): void {
  response.once('close', () => {
    const { promptTokens, cachedTokens, completionTokensGenerated: generated } = record
    const isWhole = record.outcome === 'completed'
    cliproxy.publish({
      timestamp: new Date(record.receivedAt).toISOString(),
      latency_ms: (record.endedAt ?? Date.now()) - record.receivedAt,
      source: credential.email,
      auth_index: credential.authIndex,
      tokens: {
        input_tokens: promptTokens,
        output_tokens: generated,
        // What an answer that was cut short did not send need not have been reasoning.
        reasoning_tokens: isWhole ? generated - record.completionTokensSent : 0,
        cached_tokens: cachedTokens,
        total_tokens: promptTokens + generated,
      },
      failed: !isWhole,
      provider: credential.provider,
      model: record.model ?? '',
      alias: attempt.alias,
      endpoint: attempt.endpoint,
      auth_type: 'api_key',
      api_key: attempt.clientKey,
      request_id: attempt.requestId,
    })
  })
}
