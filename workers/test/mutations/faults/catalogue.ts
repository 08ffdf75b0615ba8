import { faultsIn } from '../fault.ts'

const files = ['shared/contracts/catalogue.test.ts']
const imports = ['workers/services/catalogue/import.test.ts']
const proxies = ['workers/proxy/catalogue/catalogue.test.ts']

/** How prices come into Postgres and to the proxies. */
export const catalogue = [
  ...faultsIn('shared/pricing/list-price.ts', files, [
    { promise: 'dollars per million are picos for one', find: '(parseUsd(text) ?? 0) / 1_000)', replace: 'parseUsd(text) ?? 0)' },
    { promise: 'a cached token without a price costs what input does', find: 'cacheRead = input', replace: 'cacheRead = 0' },
    { promise: 'a price says when it was read', find: 'readOn: z.iso.date(),', replace: 'readOn: z.string().optional(),' },
  ]),
  ...faultsIn('shared/contracts/catalogue.ts', files, [
    {
      promise: 'an alias names one model',
      find: 'for (const alias of aliases) if (repeated(alias))',
      replace: 'for (const alias of aliases) if (alias === "")',
    },
  ]),
  ...faultsIn(
    'shared/pricing/price-jump.ts',
    [...imports, ...proxies],
    [
      { promise: 'a price that stays is no jump', find: 'return from !== to && ', replace: 'return ', money: false },
      { promise: 'a price that doubles jumps', find: '>= 2 * Math.min(from, to)', replace: '> 2 * Math.min(from, to)' },
      { promise: 'a price of long contexts can jump', find: "  add('longContext.', { ...longContext })\n", replace: '' },
    ],
  ),
  ...faultsIn('workers/services/catalogue/compare.ts', imports, [
    { promise: 'a price that stays makes no new version', find: 'if (before && changes.length === 0) return', replace: '' },
    { promise: 'a route that lost its price pays that of the model', find: '?? (presentPrice && model.price)', replace: '' },
    { promise: 'a file switches off nothing unless it is complete', find: '  if (!file.complete) return comparison\n', replace: '' },
    { promise: 'a model that is named stays', find: '    models.delete(listed.id)\n', replace: '' },
  ]),
  ...faultsIn('workers/services/catalogue/absurd.ts', imports, [
    { promise: 'output far below input is odd', find: 'outputPicos * 10 < inputPicos', replace: 'outputPicos < 0' },
    { promise: 'a cache dearer than input is odd', find: 'cacheReadPicos > inputPicos', replace: 'cacheReadPicos < 0' },
    { promise: 'a model for sale has a route', find: 'enabled && !after.has(id)', replace: 'enabled && after.size < 0', money: false },
    { promise: 'most models do not vanish', find: 'disabled * 2 <= enabled.size', replace: 'disabled <= enabled.size', money: false },
  ]),
  ...faultsIn('workers/services/catalogue/import.ts', imports, [
    { promise: 'an absurd import needs force', find: 'if (absurd.length > 0 && !request.force)', replace: 'if (absurd.length < 0)' },
    { promise: 'a dry run writes nothing', find: 'if (request.dryRun) return', replace: 'if (state.lastImportId < 0) return' },
    { promise: 'force that was not needed opens nothing', find: 'forced = absurd.length > 0', replace: 'forced = request.force' },
  ]),
  ...faultsIn('db/queries/import-catalogue.ts', imports, [
    { promise: 'an import that was overtaken writes nothing', find: '${lastImportId + 1}', replace: '${Date.now() % 1_000_000_000}' },
  ]),
  ...faultsIn('workers/proxy/catalogue/catalogue.ts', proxies, [
    { promise: 'a table of prices that jumps is not taken', find: 'jumping * 2 > all - gone', replace: 'jumping < 0' },
    { promise: 'an empty catalogue is not taken', find: 'gone * 2 > all', replace: 'gone < 0', money: false },
    {
      promise: 'a forced import is taken',
      find: 'next.forcedImportId !== lastGood.forcedImportId',
      replace: 'next.forcedImportId < 0',
      money: false,
    },
    { promise: 'an alias never hides a model', find: 'if (taken.has(alias))', replace: 'if (alias === "")' },
    {
      promise: 'the last good catalogue stays',
      find: '    known.readAtMs = Date.now()\n',
      replace: '    known.models = modelsOf(next.models)\n',
    },
  ]),
]
