import type { Command } from 'commander'
import { ParkedEventList, type ParkedEventView } from '#shared/contracts/parked-event.ts'
import { type Desk, show } from './desk.ts'
import { table } from './table.ts'

/** Usage events that Postgres refused: each holds back its debit until somebody removes the cause. */
export function addParkedCommand(program: Command, desk: Desk): void {
  program
    .command('parked')
    .description('list usage events that could not be recorded, newest first; exits with 1 when one still waits')
    .option('--before <id>', 'go on before this id')
    .option('--json', 'print JSON')
    .action(async (options: { before?: string; json?: boolean }) => {
      const path = options.before === undefined ? '/parked-events' : `/parked-events?before=${encodeURIComponent(options.before)}`
      const answer = await desk.admin().call('GET', path, ParkedEventList)
      show(desk, answer, options, ({ parked, next }) => {
        const rows = table(['id ', 'parked', 'event', 'organization', 'recorded', 'reason'], parked.map(parkedRow), 'No event is parked.')
        return next === null ? rows : `${rows}\n\nMore: npm run relay -- parked --before ${next}`
      })
      if (answer.parked.some(({ recordedAt }) => recordedAt === null)) desk.endWith(1)
    })
}

function parkedRow({ id, createdAt, eventId, organizationId, recordedAt, reason }: ParkedEventView): (string | number)[] {
  return [id, createdAt, eventId ?? 'unreadable', organizationId ?? 'unknown', recordedAt ?? 'not yet', reason]
}
