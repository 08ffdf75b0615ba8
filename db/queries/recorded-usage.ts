import { sql } from 'drizzle-orm'

/** The `Usage` of the row `u` of `usage_records`: what was not reported is absent, what was reported as zero is zero. */
export const recordedUsage = sql.raw(`jsonb_strip_nulls(jsonb_build_object(
        'inputTokens', u.input_tokens, 'cacheReadTokens', u.cache_read_tokens, 'cacheWrite5mTokens', u.cache_write_5m_tokens,
        'cacheWrite1hTokens', u.cache_write_1h_tokens, 'outputTokens', u.output_tokens, 'reasoningTokens', u.reasoning_tokens
      )) || coalesce(u.units, '{}')`)
