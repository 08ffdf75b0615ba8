import { encodeBase64 } from '../secrets/base64url.ts'

/** A mail before it is one: both bodies say the same. */
export interface Mail {
  to: string
  subject: string
  text: string
  html: string
  /** Left of the @ in Message-ID: the same mail sent twice has the same, so that mailboxes may show it once. */
  id: string
}

/**
 * The mail as a server takes it (RFC 5322, RFC 2045): ASCII only, lines ended by CRLF. Names and subjects cannot reach another header, because control
 * characters are taken out and whatever is not plain goes encoded (RFC 2047).
 */
export function composeMail(mail: Mail, from: { address: string; name: string }, nowMs: number): string {
  const boundary = `=_${crypto.randomUUID()}`
  const headers = [
    `From: ${nameWords(from.name)} <${from.address}>`,
    `To: <${mail.to}>`,
    `Subject: ${headerText(mail.subject)}`,
    `Date: ${new Date(nowMs).toUTCString().replace('GMT', '+0000')}`,
    `Message-ID: <${mail.id.replaceAll(/[^\w.-]/g, '')}@${domainOf(from.address)}>`,
    // RFC 3834: no holiday answers to it.
    'Auto-Submitted: auto-generated',
    'MIME-Version: 1.0',
    `Content-Type: multipart/alternative; boundary="${boundary}"`,
  ]
  const parts = [part('text/plain', mail.text), part('text/html', mail.html)].map((text) => `--${boundary}\r\n${text}\r\n`)
  return `${headers.join('\r\n')}\r\n\r\n${parts.join('')}--${boundary}--`
}

export function domainOf(address: string): string {
  return address.slice(address.lastIndexOf('@') + 1)
}

function part(type: string, text: string): string {
  const encoded = base64Of(text.replaceAll(/\r?\n/g, '\r\n')).replaceAll(/.{76}(?=.)/g, '$&\r\n')
  return `Content-Type: ${type}; charset=utf-8\r\nContent-Transfer-Encoding: base64\r\n\r\n${encoded}`
}

/** Plain words stand as they are; anything else would need quotes and their escapes. */
function nameWords(name: string): string {
  return /^[A-Za-z0-9]+( [A-Za-z0-9]+)*$/.test(name) ? name : encodedWords(oneLine(name))
}

function headerText(text: string): string {
  const line = oneLine(text)
  return /^[ -~]*$/.test(line) && !line.includes('=?') ? line : encodedWords(line)
}

/** RFC 2047: each word at most 75 characters, and no character cut in two. */
function encodedWords(text: string): string {
  const words: string[] = []
  let word = ''
  for (const character of text) {
    if (bytesOf(word + character).length > 42) {
      words.push(word)
      word = ''
    }
    word += character
  }
  return [...words, word].map((each) => `=?UTF-8?B?${base64Of(each)}?=`).join('\r\n ')
}

/** Without line breaks, other control characters and the invisible ones that turn what is read, such as U+202E. */
export function oneLine(text: string): string {
  return text.replaceAll(/[\s\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}]+/gu, ' ').trim()
}

function bytesOf(text: string): Uint8Array {
  return new TextEncoder().encode(text)
}

function base64Of(text: string): string {
  return encodeBase64(bytesOf(text))
}
