/** Ways to write the address of a management plane, so that some server on the way might take it for one. */

const roots = ['v0/management', 'v0/management/config', 'management.html']

const escapeAll = (text: string) => [...text].map((character) => `%${character.charCodeAt(0).toString(16).padStart(2, '0')}`).join('')
const slashes = (text: string, as: string) => text.replaceAll('/', as)
/** Characters beyond ASCII as the bytes of UTF-8, each of which an HTTP client writes as it is. */
const bytes = (text: string) => Buffer.from(text).toString('latin1')
const wide = (text: string) => bytes([...text].map((one) => String.fromCharCode(one.charCodeAt(0) + 0xfee0)).join(''))

const spellings: ((root: string) => string)[] = [
  (root) => `/${root}`,
  (root) => `/${root}/`,
  (root) => `//${root}`,
  (root) => `/${slashes(root, '//')}`,
  (root) => `/./${root}`,
  (root) => `/${slashes(root, '/./')}`,
  (root) => `/${root.toUpperCase()}`,
  (root) => `/${slashes(root, '%2f')}`,
  (root) => `/${slashes(root, '%252F')}`,
  (root) => `/${slashes(root, '%25252f')}`,
  (root) => `/${slashes(root, '%5c')}`,
  (root) => `/${slashes(root, '\\')}`,
  (root) => `/${slashes(root, '%c0%af')}`,
  (root) => `/${slashes(root, '%ef%bc%8f')}`,
  (root) => `/${slashes(root, wide('/'))}`,
  (root) => `/${wide(slashes(root, '-'))}`,
  (root) => `/${escapeAll(root)}`,
  (root) => `/${escapeAll(escapeAll(root))}`,
  (root) => `/${slashes(root, ';/')}`,
  (root) => `/${root};x=1`,
  (root) => `/;/${root}`,
  (root) => `/${root}%00`,
  (root) => `/%00${root}`,
  (root) => `/${root}%20`,
  (root) => `/${root}%0a`,
  (root) => `/${root}%0d%0ax-management-key:x`,
  (root) => `/${root}.`,
  (root) => `/${root}?key=1`,
  (root) => `/${root}#x`,
  (root) => `/v1/${root}`,
  (root) => `/v1/../${root}`,
  (root) => `/v1/%2e%2e/${root}`,
  (root) => `/v1/.%2E/${root}`,
  (root) => `/v1/..%2f${slashes(root, '%2f')}`,
  (root) => `/v1/%252e%252e/${root}`,
  (root) => `/v1/..;/${root}`,
  (root) => `/v1\\..\\${root}`,
  (root) => `/v1/${wide('..')}/${root}`,
  (root) => `/v1/chat/completions/../../../${root}`,
  (root) => `/v1/chat/completions/${root}`,
  (root) => `/v1/chat/completions;/../../${root}`,
  (root) => `/v1/messages/../../${root}`,
  (root) => `/v1/messages/..%2f..%2f${slashes(root, '%2f')}`,
  (root) => `/v1/models/../../${root}`,
  (root) => `/v1/models/..%2f..%2f${slashes(root, '%2f')}`,
  (root) => `/v1/models/..%2f..%2f${slashes(root, '%2f')}:generateContent`,
  (root) => `/v1beta/models/..%2f..%2f${slashes(root, '%2f')}:generateContent`,
  (root) => `/v1beta/models/..%5c..%5c${slashes(root, '%5c')}:streamGenerateContent?alt=sse`,
  (root) => `/v1beta/models/claude-relay-proxied%2f..%2f..%2f..%2f${slashes(root, '%2f')}:countTokens`,
  (root) => `/v1beta/models/../../${root}:generateContent`,
  (root) => `/v1beta/${root}`,
  (root) => `/healthz/../${root}`,
  (root) => `/healthz/${root}`,
  (root) => `/cliproxy/${root}`,
  (root) => `/v1/../cliproxy/${root}`,
]

/** Other places where nothing is. */
const others = [
  '/',
  '/v1',
  '/v1/chat/completions/',
  '/v1/chat/completions;x',
  '/v1/v0/management',
  '/keep-alive',
  '/codex/callback?code=1',
  '/anthropic/callback',
  '/v0/management/api-call',
  '/v0/management/usage-queue?count=5',
  '/v0/management/auth-files/download?name=x',
  '/v1/key/../../v0/management/api-keys',
  '/Management.HTML',
  '/management%2ehtml',
]

export const hiddenPaths: readonly string[] = [...roots.flatMap((root) => spellings.map((spell) => spell(root))), ...others]

/** Names that a model might be given so that a path is built of it. */
export const pathModels: readonly string[] = [
  '/v0/management/config',
  '../../v0/management/config',
  '..%2f..%2fv0%2fmanagement',
  'claude-relay-proxied/../../v0/management',
  'claude-relay-proxied?x=/v0/management',
  'claude-relay-proxied#',
  'claude-relay-proxied\u0000',
  'http://127.0.0.1/v0/management',
  'models/../v0/management:generateContent',
  '\uff0e\uff0e\uff0fv0\uff0fmanagement',
  'cpa-fast',
]

/** Headers by which a client says that it is, or asks for, something else. */
export function spoofsWith(managementKey: string): readonly Record<string, string>[] {
  return [
    {},
    { 'x-management-key': managementKey },
    { authorization: `Bearer ${managementKey}` },
    { 'x-forwarded-for': '127.0.0.1', 'x-real-ip': '127.0.0.1', 'cf-connecting-ip': '127.0.0.1' },
    { 'x-forwarded-host': 'localhost:8317', 'x-forwarded-proto': 'http', 'x-forwarded-port': '8317' },
    { 'x-forwarded-prefix': '/v0/management', 'x-forwarded-uri': '/v0/management/config', 'x-forwarded-path': '/v0/management/config' },
    { 'x-original-url': '/v0/management/config', 'x-rewrite-url': '/v0/management/config', 'x-original-uri': '/v0/management/config' },
    { 'x-http-method-override': 'GET', 'x-method-override': 'GET', 'x-http-method': 'GET' },
    { host: 'localhost:8317' },
    { host: '127.0.0.1' },
    { forwarded: 'for=127.0.0.1;host=localhost:8317;proto=http' },
    { connection: 'close, authorization, x-request-id' },
    { 'anthropic-version': '2023-06-01', 'user-agent': 'claude-cli/2.0' },
  ]
}
