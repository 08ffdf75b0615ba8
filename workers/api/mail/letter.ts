import { html, raw } from 'hono/html'

/** What a mail says; its two bodies are made from this one. */
export interface Letter {
  subject: string
  /** What happened, and what to do. */
  paragraphs: string[]
  /** The one thing to press. */
  action?: { label: string; url: string }
  /** After the action: when it ends, and what to do if it was not you. */
  closing: string[]
}

const signature = 'Rocket Relay'

export function textOf({ paragraphs, action, closing }: Letter): string {
  const parts = [...paragraphs, ...(action ? [`${action.label}:\n${action.url}`] : []), ...closing, `-- \n${signature}`]
  return `${parts.join('\n\n')}\n`
}

/** Everything is escaped, whoever wrote it. No picture, no script, nothing that is fetched: reading it tells nobody. */
export function htmlOf({ subject, paragraphs, action, closing }: Letter): string {
  const paragraph = (text: string) => html`<p style="margin:0 0 16px">${text}</p>`
  const button = action
    ? html`<p style="margin:0 0 16px"><a href="${action.url}" style="display:inline-block;padding:10px 18px;border-radius:6px;background:#1d4ed8;color:#ffffff;text-decoration:none">${action.label}</a></p>
<p style="margin:0 0 16px;font-size:13px;color:#52525b">Or copy this address into a browser:<br>${action.url}</p>`
    : ''
  const page = html`${raw('<!doctype html>')}
<html lang="en"><head><meta charset="utf-8"><title>${subject}</title></head>
<body style="margin:0;padding:24px;background:#f4f4f5;font:16px/1.5 system-ui,sans-serif;color:#18181b">
<div style="max-width:560px;margin:0 auto;padding:24px;border-radius:8px;background:#ffffff">
${paragraphs.map(paragraph)}${button}${closing.map(paragraph)}
<p style="margin:24px 0 0;font-size:13px;color:#52525b">${signature}</p>
</div></body></html>`
  return String(page)
}
