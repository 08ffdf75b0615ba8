import { eq } from 'drizzle-orm'
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest'
import {
  customerEvents,
  invitations,
  mailTokens,
  memberships,
  organizations,
  spendAlerts,
  users,
  webhookAttempts,
  webhookDeliveries,
  webhookEndpoints,
} from '#db/schema/index.ts'
import { newId } from '#shared/values/id.ts'
import type { Mail } from '#workers/services/mail/compose.ts'
import type { Delivery } from '#workers/services/mail/smtp/session.ts'
import { verifyMailLink } from '../identity/mail-links.ts'
import { type Stage, setStage, type TestPerson } from '../testing/stage.ts'
import { consumeMails, type MailSummary } from './consume.ts'

let stage: Stage
let logged: string[] = []
beforeAll(async () => {
  stage = await setStage()
})
afterAll(() => stage?.stop())
afterEach(() => {
  vi.restoreAllMocks()
  logged = []
})

const hourMs = 3_600_000
const inAnHour = () => new Date(Date.now() + hourMs)
const anHourAgo = () => new Date(Date.now() - hourMs)

/** Records what would be sent, answers as told, and remembers how often it was opened. */
function recordingOffice(answer: (mail: Mail) => Delivery | Error = () => ({ outcome: 'accepted', answer: '250 ok' })) {
  const office = {
    ...stage.surroundings,
    sent: [] as Mail[],
    opened: 0,
    closed: 0,
    openMailer: async () => {
      office.opened++
      return {
        send: async (mail: Mail) => {
          const told = answer(mail)
          if (told instanceof Error) throw told
          if (told.outcome === 'accepted') office.sent.push(mail)
          return told
        },
        close: () => void office.closed++,
      }
    },
  }
  return office
}

interface Outcome {
  summary: MailSummary
  fates: (string | { delaySeconds: number })[]
}

async function consume(office: Parameters<typeof consumeMails>[0], bodies: unknown[], attempts = 1): Promise<Outcome> {
  vi.spyOn(console, 'error').mockImplementation((line: string) => void logged.push(line))
  const fates: Outcome['fates'] = []
  const messages = bodies.map((body, index) => ({
    id: `message-${index}`,
    body,
    attempts,
    ack: () => {
      fates[index] = 'acked'
    },
    retry: (options: { delaySeconds: number }) => {
      fates[index] = options
    },
  }))
  return { summary: await consumeMails(office, messages), fates }
}

async function newToken(person: TestPerson, given: Partial<typeof mailTokens.$inferInsert> = {}): Promise<string> {
  const id = newId('mtk')
  const usual = { purpose: 'verify_email' as const, userId: person.userId, email: person.email, expiresAt: inAnHour() }
  await stage.db.insert(mailTokens).values({ id, ...usual, ...given })
  return id
}

async function newInvitation(organizationId: string, given: Partial<typeof invitations.$inferInsert> = {}): Promise<string> {
  const id = newId('inv')
  const usual = { organizationId, email: `${id}@example.com`, role: 'developer' as const, invitedBy: 'mgk_x', expiresAt: inAnHour() }
  await stage.db.insert(invitations).values({ id, ...usual, ...given })
  return id
}

/** The one mail that a message stands for; null when there is none. */
async function mailOf(body: unknown): Promise<Mail | null> {
  const office = recordingOffice()
  const { fates } = await consume(office, [body])
  expect(fates).toEqual(['acked'])
  expect(office.sent.length).toBeLessThan(2)
  return office.sent[0] ?? null
}

/** The secret of the link that both bodies of a mail carry. */
function secretIn({ text, html }: Mail, path: string): string {
  const [, secret = ''] = new RegExp(`https://portal\\.test/${path}#token=([\\w.-]+)\\n`).exec(text) ?? []
  expect(html).toContain(`href="https://portal.test/${path}#token=${secret}"`)
  return secret
}

describe('a link', () => {
  test.each([
    ['verify_email', 'verify-email'],
    ['reset_password', 'reset-password'],
  ] as const)('to %s leads to its page, and what it carries is what the table and the queue do not', async (purpose, path) => {
    const person = await stage.person()
    const tokenId = await newToken(person, { purpose })
    const mail = await mailOf({ kind: 'link', tokenId })
    expect(mail).toMatchObject({ to: person.email, id: 'message-0', text: expect.stringContaining(person.email) })
    const secret = mail ? secretIn(mail, path) : ''
    expect(await verifyMailLink(stage.surroundings, secret)).toBe(tokenId)
    const [row] = await stage.db.select().from(mailTokens).where(eq(mailTokens.id, tokenId))
    expect(JSON.stringify([row, logged])).not.toContain(secret.split('.')[2])
  })

  test('to another address goes there', async () => {
    const tokenId = await newToken(await stage.person(), { purpose: 'change_email', email: 'new@example.com' })
    const mail = await mailOf({ kind: 'link', tokenId })
    expect(mail?.to).toBe('new@example.com')
    expect(mail && secretIn(mail, 'confirm-email')).not.toBe('')
  })

  test('is the same however often its message comes', async () => {
    const tokenId = await newToken(await stage.person())
    const [first, second] = [await mailOf({ kind: 'link', tokenId }), await mailOf({ kind: 'link', tokenId })]
    expect(first).not.toBeNull()
    expect(second).toEqual(first)
  })

  test.each<[string, Partial<typeof mailTokens.$inferInsert>]>([
    ['was used', { usedAt: new Date() }],
    ['has expired', { expiresAt: anHourAgo() }],
    ['was for the address before', { email: 'before@example.com' }],
    ['would reset a password from the address before', { purpose: 'reset_password', email: 'before@example.com' }],
  ])('that %s is not sent', async (_, given) => {
    expect(await mailOf({ kind: 'link', tokenId: await newToken(await stage.person(), given) })).toBeNull()
  })

  test('of a deleted account, or of none, is not sent', async () => {
    const person = await stage.person()
    const tokenId = await newToken(person, { purpose: 'change_email' })
    await stage.db.update(users).set({ deletedAt: new Date(), email: null }).where(eq(users.id, person.userId))
    expect(await mailOf({ kind: 'link', tokenId })).toBeNull()
    expect(await mailOf({ kind: 'link', tokenId: 'mtk_none' })).toBeNull()
  })
})

describe('an invitation', () => {
  test('names who invites into what, however hostile the names are, and its link opens', async () => {
    const person = await stage.person()
    const organizationId = await stage.organization([[person, 'owner']])
    const organization = 'Evil\r\nBcc: eve@example.com <script>alert(1)</script> \u202Etxt https://evil.example'
    await stage.db.update(organizations).set({ name: organization }).where(eq(organizations.id, organizationId))
    await stage.db.update(users).set({ name: '<b>Ada</b>\u0007"' }).where(eq(users.id, person.userId))
    const invitationId = await newInvitation(organizationId, { invitedBy: person.userId })
    const mail = await mailOf({ kind: 'invitation', invitationId })
    expect(mail?.subject).toBe('Invitation to Evil Bcc: eve@example.com <script>alert(1)</script> txt  evil.example')
    expect(mail?.text).toContain('<b>Ada</b> " invites you')
    expect(mail?.html).toContain('&lt;b&gt;Ada&lt;/b&gt; &quot; invites you')
    expect(mail?.html).not.toMatch(/<script|<b>|\u202E|https:\/\/evil/)
    expect(await verifyMailLink(stage.surroundings, mail ? secretIn(mail, 'invitations') : '')).toBe(invitationId)
  })

  test.each<[string, Partial<typeof invitations.$inferInsert>]>([
    ['was revoked', { revokedAt: new Date() }],
    ['was accepted', { acceptedAt: new Date() }],
    ['has expired', { expiresAt: anHourAgo() }],
  ])('that %s is not sent', async (_, given) => {
    expect(await mailOf({ kind: 'invitation', invitationId: await newInvitation(await stage.organization([]), given) })).toBeNull()
  })

  test('into a deleted organization is not sent', async () => {
    const organizationId = await stage.organization([])
    const invitationId = await newInvitation(organizationId)
    await stage.db.update(organizations).set({ status: 'suspended', deletedAt: new Date() }).where(eq(organizations.id, organizationId))
    expect(await mailOf({ kind: 'invitation', invitationId })).toBeNull()
  })
})

describe('a notice', () => {
  test('goes to the account, says what happened, and what to do if it was not you', async () => {
    const person = await stage.person()
    const mail = await mailOf({ kind: 'notice', userId: person.userId, notice: 'password_changed' })
    expect(mail).toMatchObject({ to: person.email, subject: 'Your password was changed' })
    expect(mail?.text).toMatch(/reset your password at once/)
  })

  test('about a moved account goes where the message says', async () => {
    const { userId } = await stage.person()
    expect((await mailOf({ kind: 'notice', userId, notice: 'email_changed', email: 'before@example.com' }))?.to).toBe('before@example.com')
  })

  test('about a deleted account tells of its end and of nothing else', async () => {
    const { userId } = await stage.person()
    await stage.db.update(users).set({ deletedAt: new Date(), email: null, name: 'Deleted' }).where(eq(users.id, userId))
    const mail = await mailOf({ kind: 'notice', userId, notice: 'account_deleted', email: 'ada@example.com' })
    expect(mail).toMatchObject({ to: 'ada@example.com', subject: 'Your account was deleted' })
    expect(await mailOf({ kind: 'notice', userId, notice: 'passkey_added', email: 'ada@example.com' })).toBeNull()
    expect(await mailOf({ kind: 'notice', userId: 'usr_none', notice: 'passkey_added' })).toBeNull()
  })
})

describe('a mail about money', () => {
  test('tells of an alert for as long as it is there and the reader still looks after money', async () => {
    const person = await stage.person()
    const organizationId = await stage.organization([[person, 'billing_admin']])
    const alertId = newId('alr')
    await stage.db.insert(spendAlerts).values({ id: alertId, organizationId, period: 'month', amountNanos: 12_500_000_000 })
    const message = { kind: 'spend_alert', alertId, userId: person.userId, period: '2026-11-01' }
    const mail = await mailOf(message)
    expect(mail).toMatchObject({
      to: person.email,
      subject: 'Spend alert: $12.50 reached',
      text: expect.stringContaining('in 2026-11 (UTC)'),
    })
    await stage.db.update(memberships).set({ role: 'developer' }).where(eq(memberships.userId, person.userId))
    expect(await mailOf(message)).toBeNull()
  })

  test('tells of a low balance until it is above the threshold again', async () => {
    const person = await stage.person()
    const organizationId = await stage.organization([[person, 'owner']])
    const event = { organizationId, type: 'balance.low' as const, data: { balanceNanos: 4, thresholdNanos: 5_000_000_000 } }
    const [row] = await stage.db.insert(customerEvents).values(event).returning({ id: customerEvents.id })
    const message = { kind: 'balance', eventId: row?.id, userId: person.userId }
    expect(await mailOf(message)).toMatchObject({ subject: 'Your credit is running low', text: expect.stringContaining('is $0.00') })
    await stage.db.update(organizations).set({ balanceNanos: 5_000_000_000 }).where(eq(organizations.id, organizationId))
    expect(await mailOf(message)).toBeNull()
  })

  test.each([
    ['refund.created', { cause: 'refund' }, 'A payment was refunded', '$10.00 of credit went back'],
    ['refund.created', { cause: 'dispute' }, 'A payment is disputed', 'Until that is decided, $10.00 of credit is taken back'],
    ['topup.failed', { reason: 'declined', retryAt: '2026-11-24T12:00:00Z' }, 'An automatic top-up failed', 'after 2026-11-24 12:00 UTC'],
    ['topup.failed', { reason: 'authentication_required', retryAt: null }, 'An automatic top-up failed', 'not tried again by itself'],
  ] as const)('tells of %s with %j, and of the balance as it is', async (type, more, subject, text) => {
    const person = await stage.person()
    const organizationId = await stage.organization([[person, 'billing_admin']])
    await stage.db.update(organizations).set({ balanceNanos: -3_500_000_000 }).where(eq(organizations.id, organizationId))
    const data = { topUpId: 'top_x', kind: 'automatic', amountNanos: 10_000_000_000, balanceNanos: 0, ...more }
    const [row] = await stage.db.insert(customerEvents).values({ organizationId, type, data }).returning({ id: customerEvents.id })
    const mail = await mailOf({ kind: 'balance', eventId: row?.id, userId: person.userId })
    expect(mail).toMatchObject({ to: person.email, subject })
    expect(mail?.text).toContain(text)
    expect(mail?.text).toContain('is -$3.50.')
  })

  test('tells an admin of a paused webhook by its host, since when and why, until it is resumed', async () => {
    const [admin, developer] = [await stage.person(), await stage.person()]
    const organizationId = await stage.organization([
      [admin, 'admin'],
      [developer, 'developer'],
    ])
    const id = newId('whe')
    const failingSince = new Date('2026-01-02T03:04:05Z')
    const paused = { status: 'paused', pausedBecause: 'failing', failingSince } as const
    await stage.db
      .insert(webhookEndpoints)
      .values({ id, organizationId, url: 'https://hooks.example.com/secret', createdBy: admin.userId, ...paused })
    const event = { organizationId, type: 'webhook.test' as const, data: { endpointId: id } }
    const [told] = await stage.db.insert(customerEvents).values(event).returning({ id: customerEvents.id })
    await stage.db.insert(webhookDeliveries).values({ id: newId('dlv'), organizationId, endpointId: id, event: told?.id ?? 0 })
    const [delivery] = await stage.db.select().from(webhookDeliveries).where(eq(webhookDeliveries.endpointId, id))
    const attempt = { deliveryId: delivery?.id ?? '', durationMs: 1, outcome: 'refused' as const }
    await stage.db.insert(webhookAttempts).values([
      { ...attempt, number: 1, status: 500, at: new Date('2026-01-02') },
      { ...attempt, number: 2, status: 502, at: new Date('2026-01-03') },
    ])
    const message = { kind: 'webhook_paused', endpointId: id, userId: admin.userId }
    const mail = await mailOf(message)
    expect(mail).toMatchObject({ to: admin.email, subject: 'A webhook endpoint was paused' })
    expect(mail?.text).toMatch(
      /at hooks\.example\.com has failed since 2026-01-02 03:04 UTC.* status 502[\s\S]*https:\/\/portal\.test\/webhooks/,
    )
    expect(mail?.text).not.toContain('secret')
    expect(await mailOf({ ...message, userId: developer.userId })).toBeNull()
    const set = (values: Partial<typeof webhookEndpoints.$inferInsert>) =>
      stage.db.update(webhookEndpoints).set(values).where(eq(webhookEndpoints.id, id))
    await set({ pausedBecause: 'gone', failingSince: null })
    expect(await mailOf(message)).toMatchObject({ text: expect.stringContaining('at hooks.example.com, has answered with status 410') })
    await set({ pausedBecause: 'asked' })
    expect(await mailOf(message)).toBeNull()
    await set({ status: 'active', pausedBecause: null })
    expect(await mailOf(message)).toBeNull()
  })
})

describe('each message is judged alone', () => {
  const links = async (count: number) =>
    Promise.all(Array.from({ length: count }, async () => ({ kind: 'link', tokenId: await newToken(await stage.person()) })))

  test('what never parses, what is refused and what is deferred hold up no other, and no log names an address', async () => {
    const bodies = [{ kind: 'link' }, ...(await links(3)), 'text', null]
    const answers: Delivery[] = [
      { outcome: 'refused', answer: '550 5.1.1 <ada@example.com> unknown' },
      { outcome: 'deferred', answer: '451 later ada@example.com' },
      { outcome: 'accepted', answer: '250 ok' },
    ]
    const office = recordingOffice(() => answers.shift() ?? new Error('one too many'))
    const { summary, fates } = await consume(office, bodies)
    expect(fates).toEqual(['acked', 'acked', { delaySeconds: expect.any(Number) }, 'acked', 'acked', 'acked'])
    expect(summary).toMatchObject({ sent: 1, refused: 1, retried: 1, invalid: 3, outdated: 0 })
    expect([office.opened, office.closed]).toEqual([1, 1])
    expect(logged).toHaveLength(5)
    expect(logged.join()).toContain('550 5.1.1')
    expect(logged.join()).not.toMatch(/example\.com|#token/)
  })

  test('a mail that breaks the connection comes again, and the next has another', async () => {
    const office = recordingOffice((mail) => (mail.id === 'message-0' ? new Error('cut') : { outcome: 'accepted', answer: '250 ok' }))
    const { fates } = await consume(office, await links(3))
    expect(fates).toEqual([{ delaySeconds: expect.any(Number) }, 'acked', 'acked'])
    expect([office.opened, office.closed]).toEqual([2, 2])
  })

  test('a server that is away, or not set, is asked once, and every mail comes again, later each time', async () => {
    const away = { ...recordingOffice(), openMailer: vi.fn(() => Promise.reject(new Error('away'))) }
    const { fates } = await consume(away, await links(2), 1)
    expect(fates).toEqual([{ delaySeconds: expect.any(Number) }, { delaySeconds: expect.any(Number) }])
    expect(away.openMailer).toHaveBeenCalledTimes(1)
    const unset = { ...away, openMailer: async () => null }
    for (const { attempts, most } of [
      { attempts: 1, most: 30 },
      { attempts: 4, most: 240 },
      { attempts: 13, most: 3_600 },
    ]) {
      const [fate] = (await consume(unset, await links(1), attempts)).fates
      const { delaySeconds } = Object(fate)
      expect(delaySeconds).toBeGreaterThanOrEqual(most / 2)
      expect(delaySeconds).toBeLessThanOrEqual(most)
    }
    expect(logged.join()).toContain('no mail server is set')
  })
})
