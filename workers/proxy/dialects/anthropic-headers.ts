import { ApiError } from '#workers/edge/api-error.ts'

/** The headers of a client that go on: the version of the API, and the betas that change neither a price nor what our account keeps. Throws 400. */
export function anthropicHeaders(headers: Headers): Record<string, string> {
  const version = headers.get('anthropic-version') ?? '2023-06-01'
  if (!versions.has(version)) {
    throw new ApiError('invalid_request', {
      param: 'anthropic-version',
      message: `anthropic-version must be ${[...versions].join(' or ')}.`,
    })
  }
  const betas = passedBetas(headers.get('anthropic-beta') ?? '')
  return { 'anthropic-version': version, ...(betas.length > 0 && { 'anthropic-beta': betas.join(',') }) }
}

const versions = new Set(['2023-06-01', '2026-10-21'])

/** Which betas go on. One that is not known is dropped: what it would allow, the upstream then refuses by itself. */
function passedBetas(header: string): string[] {
  const betas = header.split(',').map((beta) => beta.trim())
  const dear = betas.find((beta) => dearBetas.test(beta))
  if (dear !== undefined) {
    throw new ApiError('invalid_request', {
      param: 'anthropic-beta',
      message: `The beta '${dear.slice(0, 64)}' changes what a request costs and is not supported here.`,
    })
  }
  return betas.filter((beta) => harmlessBetas.test(beta))
}

/** Other prices, other models, work beside what `usage` reports: silently without them, a client would get and pay something else than it asked for. */
const dearBetas = /^(?:context-1m|fast-mode|server-side-fallback|fallback-credit|compact|user-profiles-billing|advisor-tool)-/

const harmlessBetas = new RegExp(
  `^(?:${[
    'advanced-tool-use',
    'claude-code',
    'computer-use',
    'context-management',
    'effort',
    'extended-cache-ttl',
    'fine-grained-tool-streaming',
    'inline-tools',
    'interleaved-thinking',
    'mid-conversation-[a-z-]+',
    'model-context-window-exceeded',
    'output-128k',
    'pdfs',
    'prompt-caching',
    'structured-outputs',
    'task-budgets',
    'thinking-[a-z-]+',
    'token-counting',
    'token-efficient-tools',
    'tool-examples',
    'web-fetch',
    'web-search',
  ].join('|')})-\\d{4}-?\\d{2}-?\\d{2}$`,
)
