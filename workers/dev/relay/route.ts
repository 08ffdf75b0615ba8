import type { Command } from 'commander'
import { type RouteEntry, RouteList } from '#shared/contracts/route.ts'
import { type Desk, show } from './desk.ts'
import { table } from './table.ts'

/** The verbs about routes. */
export function addRouteCommands(program: Command, desk: Desk): void {
  program
    .command('route')
    .description('show how models are served')
    .command('list')
    .description('list routes with their health, those of a model in the order in which they are tried')
    .option('--json', 'print JSON')
    .action(async (options: { json?: boolean }) => {
      show(desk, await desk.admin().call('GET', '/routes', RouteList), options, ({ routes }) =>
        table(
          ['model', 'route', 'upstream', 'dialects', 'priority ', 'weight ', 'state', 'reason', 'checked'],
          routes.map(routeRow),
          'There are no routes.',
        ),
      )
    })
}

function routeRow({ modelId, routeId, upstream, upstreamModel, dialects, ...route }: RouteEntry): (string | number)[] {
  const { priority, weight, state, reason, checkedAt } = route
  const served = `${upstream} (${upstreamModel})`
  return [modelId, routeId, served, dialects.join(', '), priority, weight, state ?? 'unchecked', reason ?? '', checkedAt ?? 'never']
}
