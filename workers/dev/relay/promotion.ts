import { type Command, InvalidArgumentError } from 'commander'
import { type GrantedPromotion, PromotionAnswer, PromotionCode, PromotionCodeList, PromotionList } from '#shared/contracts/promotion.ts'
import { newId } from '#shared/values/id.ts'
import type { AdminClient } from './admin-client.ts'
import { customerPath } from './customer-path.ts'
import { type Desk, show } from './desk.ts'
import { expiryOption, positiveUsdOption } from './options.ts'
import { postOnce } from './post-once.ts'
import { table, usd } from './table.ts'

interface Json {
  json?: boolean
}

/** The verbs about credit that ends. */
export function addPromotionCommands(program: Command, desk: Desk): void {
  const promotion = program
    .command('promotion')
    .description('promotional credit, which ends and is spent before the rest: codes and grants')
  addCreate(promotion, desk)
  promotion
    .command('list')
    .description('list all codes')
    .option('--json', 'print JSON')
    .action(async (options: Json) => {
      show(desk, { codes: await allCodes(desk.admin()) }, options, ({ codes }) => codeTable(codes))
    })
  promotion
    .command('disable <code>')
    .description('let nobody redeem a code any more; what it gave stays')
    .option('--json', 'print JSON')
    .action(async (code: string, options: Json) => {
      const disabled = await desk.admin().call('POST', `/promotion-codes/${encodeURIComponent(code)}/disable`, PromotionCode)
      show(desk, disabled, options, ({ redemptions }) => `${disabled.code} is disabled. It was redeemed ${redemptions} times.`)
    })
  addGrant(promotion, desk)
  promotion
    .command('grants <organizationId>')
    .description('list the promotional credit of a customer and what is left of it, newest first')
    .option('--before <id>', 'go on before this one')
    .option('--json', 'print JSON')
    .action(async (organizationId: string, options: Json & { before?: string }) => {
      const page = options.before === undefined ? '' : `?before=${encodeURIComponent(options.before)}`
      const answer = await desk.admin().call('GET', `${customerPath(organizationId)}/promotions${page}`, PromotionList)
      show(desk, answer, options, ({ promotions, next }) => {
        const headings = ['grant', 'amount ', 'left ', 'ends', 'by', 'reason']
        const text = table(headings, promotions.map(grantRow), 'There is no promotional credit.')
        return next === null ? text : `${text}\n\nMore: npm run relay -- promotion grants ${organizationId} --before ${next}`
      })
    })
}

function addCreate(promotion: Command, desk: Desk): void {
  promotion
    .command('create')
    .description('make a code that gives each customer promotional credit once')
    .requiredOption('--code <code>', '4 to 40 letters, digits and dashes')
    .requiredOption('--usd <dollars>', 'what it gives', positiveUsdOption)
    .requiredOption('--days <days>', 'how long that can be spent', countOption)
    .option('--max <number>', 'how many customers may redeem it', countOption)
    .option('--until <time>', 'until when it can be redeemed: a time, or the beginning of a day (UTC)', expiryOption)
    .option('--json', 'print JSON')
    .addHelpText('after', '\nExample:\n  npm run relay -- promotion create --code WELCOME --usd 5 --days 30 --max 100 --until 2027-01-01')
    .action(async (options: Json & { code: string; usd: number; days: number; max?: number; until?: string }) => {
      const { code, usd: amountNanos, days: creditDays, max: maxRedemptions, until: expiresAt } = options
      const body = { code, amountNanos, creditDays, maxRedemptions, expiresAt }
      show(desk, await desk.admin().call('POST', '/promotion-codes', PromotionCode, body), options, (created) => codeTable([created]))
    })
}

function addGrant(promotion: Command, desk: Desk): void {
  promotion
    .command('grant <organizationId>')
    .description('give a customer promotional credit')
    .requiredOption('--usd <dollars>', 'how much', positiveUsdOption)
    .requiredOption('--days <days>', 'how long it can be spent', countOption)
    .requiredOption('--reason <text>', 'why; the customer reads it')
    .option('--idempotency-key <key>', 'names this grant: asked for twice, it is given once')
    .option('--json', 'print JSON')
    .action(async (organizationId: string, options: Json & { usd: number; days: number; reason: string; idempotencyKey?: string }) => {
      const { usd: amountNanos, days, reason, idempotencyKey = newId('crd') } = options
      const path = `${customerPath(organizationId)}/promotions`
      const answer = await postOnce(desk, path, PromotionAnswer, { amountNanos, days, reason, idempotencyKey })
      show(desk, { ...answer, idempotencyKey }, options, ({ promotion: { grantId, expiresAt }, replayed, balanceNanos }) =>
        replayed
          ? `${grantId} had been given under this idempotency key before; nothing was given now. The balance is ${usd(balanceNanos)}.`
          : `${usd(amountNanos)} given until ${expiresAt} as ${grantId}. The balance is ${usd(balanceNanos)}.`,
      )
    })
}

function countOption(text: string): number {
  if (!/^[1-9]\d{0,8}$/.test(text)) throw new InvalidArgumentError('A whole number above zero.')
  return Number(text)
}

async function allCodes(admin: AdminClient): Promise<PromotionCode[]> {
  const all: PromotionCode[] = []
  for (let after: string | null = ''; after !== null; ) {
    const page: PromotionCodeList = await admin.call(
      'GET',
      `/promotion-codes${after && `?after=${encodeURIComponent(after)}`}`,
      PromotionCodeList,
    )
    all.push(...page.codes)
    after = page.next
  }
  return all
}

function codeTable(codes: PromotionCode[]): string {
  const headings = ['code', 'amount ', 'days ', 'redeemed ', 'until', 'disabled']
  return table(headings, codes.map(codeRow), 'There are no codes yet.')
}

function codeRow({
  code,
  amountNanos,
  creditDays,
  redemptions,
  maxRedemptions,
  expiresAt,
  disabledAt,
}: PromotionCode): (string | number)[] {
  const redeemed = maxRedemptions === null ? String(redemptions) : `${redemptions} of ${maxRedemptions}`
  return [code, usd(amountNanos), creditDays, redeemed, expiresAt ?? 'no end', disabledAt ?? 'no']
}

function grantRow({ grantId, amountNanos, remainingNanos, expiresAt, code, createdBy, reason }: GrantedPromotion): string[] {
  return [grantId, usd(amountNanos), usd(remainingNanos), expiresAt, code ?? createdBy, reason]
}
