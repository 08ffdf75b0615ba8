import { z } from 'zod'
import { operation } from './operation.ts'
import { PageQuery, pageOf } from './page.ts'
import { ByCode } from './second-factor.ts'
import { TypedPassword } from './sign-in.ts'

/** A sign-in that still lives. */
const Session = z.object({
  sessionId: z.string(),
  /** Whether it is the one that asks. */
  current: z.boolean(),
  method: z.enum(['password', 'passkey', 'github', 'google']),
  secondFactor: z.boolean(),
  /** Where it was last refreshed from. */
  ip: z.string(),
  userAgent: z.string(),
  createdAt: z.iso.datetime(),
  lastSeenAt: z.iso.datetime(),
  expiresAt: z.iso.datetime(),
})

const Reauthentication = z.union([z.strictObject({ password: TypedPassword }), ByCode])
export type Reauthentication = z.infer<typeof Reauthentication>

const root = '/api/me/sessions'

export const sessionOperations = {
  reauthenticate: operation({
    id: 'sessions.reauthenticate',
    method: 'POST',
    path: '/api/auth/reauthenticate',
    access: 'person',
    summary: 'Show once more who you are',
    description:
      'With the password, or with a code of the authenticator. Operations that ask for a fresh sign-in are then allowed for ten minutes.',
    body: Reauthentication,
  }),
  list: operation({
    id: 'sessions.list',
    method: 'GET',
    path: root,
    access: 'person',
    summary: 'Own sessions, the newest first',
    query: PageQuery,
    answer: pageOf(Session),
  }),
  end: operation({
    id: 'sessions.end',
    method: 'DELETE',
    path: `${root}/:sessionId`,
    access: 'person',
    summary: 'End an own session',
  }),
  endOthers: operation({
    id: 'sessions.end_others',
    method: 'DELETE',
    path: root,
    access: 'person',
    summary: 'End all own sessions but this one',
  }),
  endOfMember: operation({
    id: 'sessions.end_of_member',
    method: 'DELETE',
    path: '/api/organizations/:organizationId/members/:userId/sessions',
    access: 'members.revoke_sessions',
    summary: 'End all sessions of a member',
    description: 'Of oneself, or of somebody below oneself; an owner may end those of everybody.',
    peopleOnly: true,
    whileSuspended: true,
  }),
}
