import type { MailMessage } from '#shared/contracts/mail-message.ts'
import type { Letter } from './letter.ts'
import { greet } from './letters.ts'

export type Notice = Extract<MailMessage, { kind: 'notice' }>['notice']

interface NoticeText {
  subject: string
  what: string
  /** Page of the portal that helps. */
  path: string
  label: string
  ifNot: string
}

const signIn = { path: 'sign-in', label: 'Sign in' }
const security = { path: 'settings/security', label: 'Look at your security settings' }
const resetNow = 'If that was not you, reset your password at once, and end the sessions that you do not know.'

const texts: Record<Notice, NoticeText> = {
  sign_up_again: {
    subject: 'You already have an account',
    what: 'Somebody wanted to sign up with this address, which has an account already. Sign in, or reset the password if you have forgotten it.',
    ...signIn,
    ifNot: 'If that was not you, there is nothing to do: nothing was changed, and they were not told that there is an account.',
  },
  password_changed: {
    subject: 'Your password was changed',
    what: 'The password of your account was changed.',
    path: 'forgot-password',
    label: 'Reset the password',
    ifNot: 'If that was you, there is nothing to do. If it was not, reset your password at once; that ends all sessions.',
  },
  email_changed: {
    subject: 'Your e-mail address was changed',
    what: 'Your account has another e-mail address now. This is the last mail to the address before.',
    ...signIn,
    ifNot: 'If that was not you, somebody else has your account. Answer to the support of Rocket Relay at once.',
  },
  second_factor_enabled: {
    subject: 'Two-factor sign-in is on',
    what: 'Signing in to your account now asks for a code of your authenticator as well. Keep the recovery codes where you find them.',
    ...security,
    ifNot: resetNow,
  },
  second_factor_disabled: {
    subject: 'Two-factor sign-in is off',
    what: 'Signing in to your account no longer asks for a code of your authenticator.',
    ...security,
    ifNot: resetNow,
  },
  recovery_code_used: {
    subject: 'A recovery code was used',
    what: 'Somebody signed in to your account with one of your recovery codes. It cannot be used again.',
    ...security,
    ifNot: `${resetNow} Then make new recovery codes.`,
  },
  passkey_added: {
    subject: 'A passkey was added',
    what: 'A passkey was added to your account, and can be used to sign in.',
    ...security,
    ifNot: 'If that was not you, remove the passkey, reset your password, and end the sessions that you do not know.',
  },
  passkey_removed: {
    subject: 'A passkey was removed',
    what: 'A passkey was removed from your account, and can no longer be used to sign in.',
    ...security,
    ifNot: resetNow,
  },
  session_stolen: {
    subject: 'A session was ended for your safety',
    what: 'The cookie of one of your sessions was used twice, as happens when somebody has copied it. The session was ended.',
    ...signIn,
    ifNot: 'Sign in again. If you did not move your browser to another computer, reset your password as well.',
  },
  account_deleted: {
    subject: 'Your account was deleted',
    what: 'Your account of Rocket Relay was deleted, and with it what was personal in it.',
    path: '',
    label: 'Go to Rocket Relay',
    ifNot: 'If that was not you, write to the support of Rocket Relay at once. This is the last mail about it.',
  },
}

/** Tells the owner of an account what was changed about it. `name` is null when the account no longer has one. */
export function noticeLetter(notice: Notice, name: string | null, portalUrl: string): Letter {
  const { subject, what, path, label, ifNot } = texts[notice]
  const paragraphs = name === null ? [what] : [greet(name), what]
  return { subject, paragraphs, action: { label, url: path === '' ? portalUrl : `${portalUrl}/${path}` }, closing: [ifNot] }
}
