import type { Command } from 'commander'
import { type CatalogueEntry, ModelList } from '#shared/contracts/model.ts'
import { type Desk, show } from './desk.ts'
import { table, usd } from './table.ts'

/** The verbs about models. */
export function addModelCommands(program: Command, desk: Desk): void {
  program
    .command('model')
    .description('show what is for sale')
    .command('list')
    .description('list models with prices (dollars per million tokens) and routes')
    .option('--json', 'print JSON')
    .action(async (options: { json?: boolean }) => {
      show(desk, await desk.admin().call('GET', '/models', ModelList), options, ({ models }) =>
        table(['model', 'kind', 'context ', 'input ', 'cached ', 'output ', 'routes'], models.map(modelRow), 'No model is for sale.'),
      )
    })
}

function modelRow(model: CatalogueEntry): (string | number)[] {
  const { modelId, kind, contextTokens, price, routes } = model
  const served = routes.map((route) => `${route.upstream} (${route.upstreamModel})`).join(', ')
  return [
    modelId,
    kind,
    contextTokens,
    perMillion(price.inputPicos),
    perMillion(price.cacheReadPicos),
    perMillion(price.outputPicos),
    served || 'none',
  ]
}

/** A price in pico-dollars per token is micro-dollars per million tokens, and a thousand nanos are one of those. */
function perMillion(picosPerToken: number): string {
  return usd(picosPerToken * 1_000)
}
