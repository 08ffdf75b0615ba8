import { type Command, InvalidArgumentError } from 'commander'
import { type AuditEntry, AuditHead, AuditPage, AuditVerification, WrittenEntry, WrittenPage } from '#shared/contracts/api/audit.ts'
import { ChainCheck } from '#workers/services/audit/chain-check.ts'
import { type Desk, show } from './desk.ts'
import { CommandFailure } from './failure.ts'
import { table } from './table.ts'

interface ShowChoice {
  actor?: string
  action?: string
  target?: string
  from?: string
  to?: string
  cursor?: string
  json?: boolean
}

interface VerifyChoice {
  head?: AuditHead
  json?: boolean
}

/** The verbs about the audit log; a chain is named by an organization's or a user's id, or `platform`. */
export function addAuditCommands(program: Command, desk: Desk): void {
  const audit = program.command('audit').description('read what was changed by whom, and prove that nobody touched the record of it')
  audit
    .command('show <organization|user|platform>')
    .description('list changes, the newest first')
    .option('--actor <id>', 'only what this user, management key, operator or job did')
    .option('--action <name>', 'only this, such as key.revoked')
    .option('--target <id>', 'only what was done to this')
    .option('--from <time>', 'from this time on, such as 2026-01-01T00:00:00Z')
    .option('--to <time>', 'before this time')
    .option('--cursor <cursor>', 'go on with the next page')
    .option('--json', 'print JSON')
    .action(async (chain: string, { json = false, ...search }: ShowChoice) => {
      const answer = await desk.admin().call('GET', pathOf(chain, '', search), AuditPage)
      show(desk, answer, { json }, (page) => pageText(chain, page))
    })
  audit
    .command('verify <organization|user|platform|->')
    .description(
      'recompute every hash; - verifies an export from standard input, without any deployment; exits with 1 when it is not whole',
    )
    .option('--head <seq:hash>', 'an entry noted earlier, so that a log cut off at its end is seen', headOption)
    .option('--json', 'print JSON')
    .action(async (chain: string, options: VerifyChoice) => {
      const answer = chain === '-' ? await verifyExport(await desk.readInput(), options.head) : await verify(desk, chain, options.head)
      show(desk, answer, options, verificationText)
      if (answer.outcome !== 'whole') desk.endWith(1)
    })
  audit
    .command('export <organization|user|platform>')
    .description('print every entry as it was hashed, one JSON object a line')
    .action(async (chain: string) => {
      for (let after: number | null = 0; after !== null; ) {
        const page: WrittenPage = await desk.admin().call('GET', pathOf(chain, '/entries', { after: String(after) }), WrittenPage)
        for (const entry of page.entries) desk.print(JSON.stringify(entry))
        after = page.next
      }
    })
}

function pathOf(chain: string, more: string, query: Record<string, string>): string {
  const search = new URLSearchParams(query)
  return `/audit/${encodeURIComponent(chain)}${more}${search.size > 0 ? `?${search}` : ''}`
}

/** Part after part, until the whole chain was seen. */
async function verify(desk: Desk, chain: string, head: AuditHead | undefined): Promise<AuditVerification> {
  const noted: Record<string, string> = head ? { headSeq: String(head.seq), headHash: head.hash } : {}
  const part = (cursor: string | null) =>
    desk.admin().call('GET', pathOf(chain, '/verification', { ...noted, ...(cursor !== null && { cursor }) }), AuditVerification)
  let verified = await part(null)
  let { entries } = verified
  while (verified.next !== null) {
    desk.warn(`${entries} entries are whole so far`)
    verified = await part(verified.next)
    entries += verified.entries
  }
  return { ...verified, entries }
}

async function verifyExport(text: string, head: AuditHead | undefined): Promise<AuditVerification> {
  const check = new ChainCheck(head ?? null)
  let entries = 0
  for (const line of text.split('\n').filter((each) => each !== '')) {
    const broken = await check.next(entryOf(line))
    if (broken) return { outcome: 'broken', entries, head: check.head, broken, next: null }
    entries++
  }
  const broken = check.end()
  return { outcome: broken ? 'broken' : 'whole', entries, head: check.head, broken, next: null }
}

function entryOf(line: string): WrittenEntry {
  try {
    return WrittenEntry.parse(JSON.parse(line))
  } catch {
    throw new CommandFailure('Standard input is not an export of the audit log.', ['npm run -s relay -- audit export org_… writes one.'])
  }
}

function verificationText({ entries, head, broken }: AuditVerification): string {
  const noted = head ? `Note its head: --head ${head.seq}:${head.hash}` : 'Nothing was ever written into it.'
  if (!broken) return `The log is whole, ${entries} entries checked.\n${noted}`
  return `The log is NOT as it was written: entry ${broken.seq} is ${broken.reason.replace('_', ' ')}. ${entries} entries before it are whole.`
}

function pageText(chain: string, { data, next }: AuditPage): string {
  const rows = table(['seq ', 'at', 'actor', 'action', 'target', 'before', 'after'], data.map(entryRow), 'Nothing was changed.')
  return next === null ? rows : `${rows}\n\nMore: npm run relay -- audit show ${chain} --cursor ${next}`
}

function entryRow({ seq, at, actor, action, target, before, after }: AuditEntry): (string | number)[] {
  return [seq, at, `${actor.type} ${actor.id}`, action, `${target.type} ${target.id}`, jsonText(before), jsonText(after)]
}

function jsonText(value: object | null): string {
  return value === null ? '' : JSON.stringify(value)
}

function headOption(text: string): AuditHead {
  const [, seq, hash] = /^([1-9]\d{0,14}):([0-9a-f]{64})$/.exec(text) ?? []
  const head = AuditHead.safeParse({ seq: Number(seq), hash })
  if (!head.success) throw new InvalidArgumentError('The head that a verification told, such as 17:<64 hex digits>.')
  return head.data
}
