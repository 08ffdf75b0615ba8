import { Hono } from 'hono'
import { MailSettingsAnswer, MailTest, NewMailSettings, NewMailTest } from '#shared/contracts/mail-settings.ts'
import { body } from '#workers/edge/parse.ts'
import { Problem } from '#workers/edge/problem.ts'
import { showMailSettings } from '#workers/services/mail/read-settings.ts'
import { type SetMailSettingsOutcome, setMailSettings } from '#workers/services/mail/set-settings.ts'
import { connectSocket } from '#workers/services/mail/smtp/socket.ts'
import { testMail } from '#workers/services/mail/test.ts'
import type { AdminContext } from '../env.ts'
import { maxBodyBytes } from '../limits.ts'
import { found, platformOf } from '../platform.ts'

/** The mail server that the platform sends by. No answer ever holds its password. */
export const mailRoutes = new Hono<AdminContext>()
  .get('/', async (c) => c.json(MailSettingsAnswer.parse(await showMailSettings(c.var.surroundings.db))))
  .put('/', body(NewMailSettings, maxBodyBytes), async (c) => {
    const { keyRing } = c.var.surroundings
    const outcome = await setMailSettings({ ...platformOf(c), keyRing }, c.var.body)
    if (outcome.outcome === 'refused') throw problemOf(outcome)
    return c.json(MailSettingsAnswer.parse(outcome.answer))
  })
  .post('/test', body(NewMailTest, maxBodyBytes), async (c) => {
    const { db, keyRing } = c.var.surroundings
    const test = await testMail({ db, keyRing, connect: connectSocket }, c.var.body.to)
    return c.json(MailTest.parse(found(test, 'mail server: none is set')))
  })

function problemOf({ reason }: Extract<SetMailSettingsOutcome, { outcome: 'refused' }>): Problem {
  if (reason === 'overtaken')
    return new Problem('conflict', 'The settings were changed by somebody else in between; nothing was changed. Look, and try again.')
  return new Problem('invalid_request', 'The stored password was for another server or user, or there is none. Give it again.', [
    { pointer: '#/password', detail: 'is needed with a user' },
  ])
}
