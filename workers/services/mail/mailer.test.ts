import { mkdtempSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { MailDev } from 'maildev'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { z } from 'zod'
import { findFreePorts } from '#workers/dev/ports.ts'
import { composeMail, type Mail } from './compose.ts'
import { type SmtpServer, SmtpSession } from './smtp/session.ts'
import { nodeSockets } from './testing/node-socket.ts'
import { type Scripted, type ScriptedServer, scriptServer } from './testing/scripted-server.ts'

const from = { address: 'relay@relay.test', name: 'Rocket Relay' }
const patience = { connectMs: 2_000, replyMs: 200 }
const credentials = { user: 'relay', password: 'hush-hush' }

function envelope(given: Partial<Mail> = {}, name = from.name) {
  const mail = { to: 'ada@example.com', subject: 'Hello', text: 'one', html: '<p>one</p>', id: 'id-1', ...given }
  return { from: from.address, to: mail.to, data: composeMail(mail, { ...from, name }, Date.UTC(2026, 10, 24, 12)) }
}

function open(port: number, more: Partial<SmtpServer> = {}, sockets = nodeSockets()): Promise<SmtpSession> {
  const server = { host: '127.0.0.1', port, security: 'none' as const, credentials: null, domain: 'relay.test', ...more }
  return SmtpSession.open(sockets.connect, server, patience)
}

describe('at a real server', () => {
  let maildev: MailDev
  let [smtp = 0, web = 0]: number[] = []
  beforeAll(async () => {
    ;[smtp = 0, web = 0] = await findFreePorts(2)
    const local = { ip: '127.0.0.1', webIp: '127.0.0.1', silent: true, mailDirectory: mkdtempSync(join(tmpdir(), 'relay-maildev-')) }
    maildev = new MailDev({ smtp, web, incomingUser: credentials.user, incomingPass: credentials.password, ...local })
    await maildev.start()
  })
  afterAll(() => maildev?.stop())

  const Address = z.object({ address: z.string(), name: z.string().optional() })
  const Received = z.object({ subject: z.string(), text: z.string(), html: z.string(), headers: z.record(z.string(), z.unknown()) })
  const Envelope = Received.extend({ to: z.array(Address), from: z.array(Address), envelope: z.object({ to: z.array(Address) }) })
  const mails = async () => z.array(Envelope).parse(await (await fetch(`http://127.0.0.1:${web}/api/email`)).json())

  test('mails arrive as they were written, one after another on one connection', async () => {
    const sockets = nodeSockets()
    const session = await open(smtp, { credentials }, sockets)
    const text = `Grüße 🗝\n\n.\n..dots\n${'long '.repeat(400)}end`
    expect(await session.send(envelope({ text, html: `<p>${'ü'.repeat(500)}</p>`, subject: `Ähnlich ${'🗝'.repeat(60)}` }))).toMatchObject({
      outcome: 'accepted',
    })
    expect(await session.send(envelope({ to: 'bob@example.com' }))).toMatchObject({ outcome: 'accepted' })
    session.close()
    expect(sockets.opened).toHaveLength(1)
    const [first, second] = await mails()
    expect(first).toMatchObject({ subject: `Ähnlich ${'🗝'.repeat(60)}`, html: `<p>${'ü'.repeat(500)}</p>` })
    expect(first?.text.trimEnd()).toBe(text)
    expect(first?.headers).toMatchObject({ 'auto-submitted': 'auto-generated', 'message-id': '<id-1@relay.test>' })
    expect(second?.envelope.to).toEqual([expect.objectContaining({ address: 'bob@example.com' })])
  })

  test('a name or a subject cannot become a header, an address or a turned text', async () => {
    const session = await open(smtp, { credentials })
    const subject = 'Hi\r\nBcc: eve@example.com\r\n\r\nbody \u202Etxt.exe\u0000'
    await session.send(envelope({ subject }, '"Ada" <eve@example.com>,\r\nBcc: eve@example.com'))
    session.close()
    const mail = (await mails()).at(-1)
    expect(mail?.subject).toBe('Hi Bcc: eve@example.com body txt.exe')
    expect(mail?.from).toEqual([{ address: from.address, name: '"Ada" <eve@example.com>, Bcc: eve@example.com' }])
    expect(mail?.envelope.to.map(({ address }) => address)).toEqual(['ada@example.com'])
    expect(mail?.headers).not.toHaveProperty('bcc')
  })

  test('a wrong password is told by the server, and is in no message', async () => {
    const failure = await open(smtp, { credentials: { user: 'relay', password: 'wrong-wrong' } }).catch((error: Error) => error)
    expect(failure).toMatchObject({ name: 'SmtpFailure', message: expect.stringMatching(/535/) })
    expect(String(failure)).not.toMatch(/wrong-wrong|AHJlbGF5/)
  })
})

describe('at a server that is at odds', () => {
  let server: ScriptedServer
  afterEach(() => server.stop())

  async function script(told: Record<string, Scripted>): Promise<number> {
    server = await scriptServer((line) => told[Object.keys(told).find((start) => line.startsWith(start)) ?? ''])
    return server.port
  }

  test.each<[string, Record<string, Scripted>, string]>([
    ['an unknown recipient is refused', { RCPT: '550 5.1.1 nobody here' }, 'refused'],
    ['a full mailbox is deferred', { RCPT: '452 4.2.2 full' }, 'deferred'],
    ['a mail it does not like is refused', { '.': '554 5.7.1 spam' }, 'refused'],
    ['a greylisted mail is deferred', { '.': '451 4.7.1 later' }, 'deferred'],
    ['a refused DATA is refused', { DATA: '554 no' }, 'refused'],
    ['a sender of ours that it does not take is no fault of the mail', { MAIL: '550 5.7.1 not your domain' }, 'deferred'],
  ])('%s, and the next mail goes its way', async (_, told, outcome) => {
    const session = await open(await script(told))
    expect(await session.send(envelope())).toEqual({ outcome, answer: Object.values(told)[0] })
    for (const name of Object.keys(told)) delete told[name]
    expect(await session.send(envelope())).toMatchObject({ outcome: 'accepted' })
  })

  test.each<[string, Record<string, Scripted>, RegExp]>([
    ['closes instead of greeting', { greeting: 'drop' }, /closed|failed/],
    ['says nothing', { greeting: 'hang' }, /within 200 ms/],
    ['is busy', { greeting: '421 too many' }, /421 too many/],
    ['does not speak SMTP', { greeting: 'HTTP/1.1 400 Bad Request' }, /does not speak SMTP/],
    ['never ends a line', { greeting: `220-${'x'.repeat(20_000)}` }, /has no end|within/],
    ['refuses the password', { AUTH: '535 5.7.8 no' }, /535 5.7.8 no/],
    ['knows no way of signing in', { EHLO: '250 mail.test' }, /no way of signing in/],
  ])('who opens a session with one that %s is told so in time', async (_, told, message) => {
    await expect(open(await script(told), { credentials })).rejects.toThrow(message)
  })

  test.each<[string, Record<string, Scripted>]>([
    ['closes within a mail', { DATA: 'drop' }],
    ['closes after a mail, without a word', { '.': 'drop' }],
    ['hangs after a mail', { '.': 'hang' }],
  ])('a mail to one that %s ends the session in time', async (_, told) => {
    const session = await open(await script(told))
    await expect(session.send(envelope())).rejects.toThrow(/closed|failed|within 200 ms/)
  })

  test('STARTTLS comes before the password, and before it comes nothing', async () => {
    const sockets = nodeSockets()
    await open(await script({}), { security: 'starttls', credentials }, sockets)
    expect(sockets.upgraded).toBe(1)
    expect(server.heard.map((line) => line.split(' ')[0])).toEqual(['EHLO', 'STARTTLS', 'EHLO', 'AUTH'])
  })

  test.each<[string, Record<string, Scripted>]>([
    ['does not offer STARTTLS', { EHLO: '250-mail.test\r\n250 AUTH PLAIN' }],
    ['refuses STARTTLS', { STARTTLS: '454 not now' }],
    ['slips in a word in clear behind it', { STARTTLS: '220 go\r\n250 AUTH PLAIN' }],
  ])('one that %s never sees the password', async (_, told) => {
    await expect(open(await script(told), { security: 'starttls', credentials })).rejects.toMatchObject({ name: 'SmtpFailure' })
    expect(server.heard.join()).not.toContain('AUTH')
  })

  test('a dot at the start of a line does not end a mail', async () => {
    const session = await open(await script({}))
    const { data, ...addresses } = envelope()
    expect(await session.send({ ...addresses, data: `${data}\r\n.\r\nQUIT` })).toMatchObject({ outcome: 'accepted' })
    expect(server.heard.at(-1)).toContain('\r\n..\r\nQUIT')
  })

  test('an address cannot become a command', async () => {
    const session = await open(await script({}))
    for (const to of ['a@b>\r\nRCPT TO:<c@d', 'a b@c', 'ü@b', ''])
      await expect(session.send({ from: from.address, to, data: 'x' })).rejects.toThrow(/address/)
    expect(server.heard).toHaveLength(1)
  })
})
