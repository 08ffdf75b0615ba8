/** What CLIProxyAPI can lack to serve a model: a credential that works, or the model itself. */
export type CliproxyLack = 'credential' | 'model'

/**
 * What a CLIProxyAPI says it lacks. It says so only at the head of an error's message: whoever speaks further on is the provider behind it, and the
 * envelopes of some families have no room for a code.
 */
export function cliproxyLackOf(message: string): CliproxyLack | null {
  if (/^auth_(?:unavailable|not_found)\b/.test(message)) return 'credential'
  return /^unknown provider for model\b/.test(message) ? 'model' : null
}
