import { type Command, InvalidArgumentError, Option } from 'commander'
import { type MailSecurity, MailSettingsAnswer, MailTest } from '#shared/contracts/mail-settings.ts'
import { type Desk, show } from './desk.ts'
import { facts } from './table.ts'

interface NewServer {
  host: string
  port: number
  security: MailSecurity
  user?: string
  password?: string
  from: string
  fromName: string
  allowPlaintext?: boolean
  json?: boolean
}

/** The verbs about the mail server that the platform sends by. */
export function addMailCommands(program: Command, desk: Desk): void {
  const mail = program.command('mail').description('the mail server that the platform sends by: show, set and test it')
  mail
    .command('show')
    .description('show the mail server, without its password')
    .option('--json', 'print JSON')
    .action(async (options: { json?: boolean }) => {
      show(desk, await desk.admin().call('GET', '/mail', MailSettingsAnswer), options, settingsText)
    })
  addSet(mail, desk)
  mail
    .command('test')
    .description('send a test mail and show what the server says; ends with 1 when it does not take it')
    .requiredOption('--to <address>', 'who gets it')
    .option('--json', 'print JSON')
    .action(async ({ to, ...options }: { to: string; json?: boolean }) => {
      const test = await desk.admin().call('POST', '/mail/test', MailTest, { to })
      if (test.outcome !== 'accepted') desk.endWith(1)
      show(desk, test, options, ({ outcome, answer }) =>
        facts([
          ['outcome', outcome],
          ['the server says', answer],
        ]),
      )
    })
}

/** The password has no parser of its own: commander would print what it refuses. */
function addSet(mail: Command, desk: Desk): void {
  mail
    .command('set')
    .description('replace all settings of the mail server; mails that wait are sent by it')
    .requiredOption('--host <host>', 'where the server is')
    .option('--port <port>', '465 for tls, 587 for starttls; Workers cannot reach 25', portOption, 465)
    .addOption(
      new Option('--security <security>', 'encrypted from the first byte, by STARTTLS, or not at all').choices(securities).default('tls'),
    )
    .option('--user <user>', 'who signs in to the server; without it nobody does')
    .option(
      '--password <password>',
      'its password, - reads it from standard input; without it the stored one stays, for the same server and user',
    )
    .requiredOption('--from <address>', 'whom the mails are from')
    .option('--from-name <name>', 'the name beside that address', 'Rocket Relay')
    .option('--allow-plaintext', 'allow --security none although the server is not on this machine')
    .option('--json', 'print JSON')
    .action(async (options: NewServer) => {
      const { host, port, security, user = null, from, fromName, allowPlaintext } = options
      const body = {
        host,
        port,
        security,
        user,
        from: { address: from, name: fromName },
        allowPlaintext,
        ...(await passwordOf(desk, options)),
      }
      show(desk, await desk.admin().call('PUT', '/mail', MailSettingsAnswer, body), options, settingsText)
    })
}

const securities: MailSecurity[] = ['tls', 'starttls', 'none']

/** A file ends in a line break that is no part of the password. */
async function passwordOf(desk: Desk, { password }: NewServer): Promise<{ password?: string }> {
  if (password === undefined) return {}
  return { password: password === '-' ? (await desk.readInput()).replace(/\r?\n$/, '') : password }
}

function portOption(text: string): number {
  const port = Number(text)
  if (!/^\d{1,5}$/.test(text) || port < 1 || port > 65_535) throw new InvalidArgumentError('A port from 1 to 65535.')
  return port
}

function settingsText({ mail }: MailSettingsAnswer): string {
  if (!mail) return 'No mail server is set: mails wait in the queue for some hours, and are parked then.'
  const { host, port, security, user, hasPassword, from, updatedAt } = mail
  return facts([
    ['server', `${host}:${port}`],
    ['security', security],
    ['user', user ?? 'nobody'],
    ['password', hasPassword ? 'stored' : 'none'],
    ['from', `${from.name} <${from.address}>`],
    ['changed', updatedAt],
  ])
}
