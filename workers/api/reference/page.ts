import swaggerStyle from 'swagger-ui-dist/swagger-ui.css?raw'
import swaggerScript from 'swagger-ui-dist/swagger-ui-bundle.js?raw'
import type { z } from 'zod'
import type { ReferenceFile } from '#shared/contracts/api/parameters.ts'

/** Everything comes from here, scripts as files only: nothing that a description might carry can run. Icons of the page's style are data. */
export const pagePolicy = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "img-src 'self' data:",
  "connect-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join('; ')

export const page = `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>Rocket Relay API</title>
<link rel="icon" href="data:,">
<link rel="stylesheet" href="/reference/swagger-ui.css">
<link rel="stylesheet" href="/reference/page.css">
<script src="/reference/swagger-ui.js" defer></script>
<script src="/reference/page.js" defer></script>
</head>
<body>
<main id="reference"><p class="waiting">Reading the description of the API …</p></main>
<noscript><p class="waiting">This page needs JavaScript. The description itself is <a href="/openapi.json">openapi.json</a>.</p></noscript>
</body>
</html>
`

const script = `const dark = matchMedia('(prefers-color-scheme: dark)')
const follow = () => document.documentElement.classList.toggle('dark-mode', dark.matches)
dark.addEventListener('change', follow)
follow()
SwaggerUIBundle({
  url: '/openapi.json',
  dom_id: '#reference',
  deepLinking: true,
  docExpansion: 'none',
  defaultModelsExpandDepth: -1,
  displayRequestDuration: true,
  filter: true,
  tryItOutEnabled: false,
  validatorUrl: null,
})
`

/** On a phone the name of an operation goes below its path, and nothing is wider than the screen. */
const style = `body { margin: 0 }
.waiting { font: 1rem/1.5 system-ui, sans-serif; margin: 2rem 1rem }
@media (max-width: 640px) {
  .swagger-ui .wrapper { padding: 0 12px }
  .swagger-ui .info { margin: 24px 0 }
  .swagger-ui .opblock .opblock-summary { flex-wrap: wrap }
  .swagger-ui .opblock .opblock-summary-path { max-width: none; overflow-wrap: anywhere }
  .swagger-ui .opblock .opblock-summary-description { flex-basis: 100%; padding: 4px 10px }
  .swagger-ui table, .swagger-ui tbody, .swagger-ui tr, .swagger-ui td { max-width: 100%; overflow-wrap: break-word }
  .swagger-ui .parameters-col_description { width: auto }
  .swagger-ui .parameters-col_description input, .swagger-ui .parameters-col_description select { max-width: 100%; min-width: 0; width: 100% }
}
`

const scriptType = 'text/javascript; charset=utf-8'
const styleType = 'text/css; charset=utf-8'

/** What the page loads. */
export const pageFiles: Record<z.infer<typeof ReferenceFile>, { text: string; type: string }> = {
  'swagger-ui.css': { text: swaggerStyle, type: styleType },
  'swagger-ui.js': { text: swaggerScript, type: scriptType },
  'page.css': { text: style, type: styleType },
  'page.js': { text: script, type: scriptType },
}
