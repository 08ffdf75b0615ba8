import { parseAst } from 'vitest/node'

/** What the rules need to know of one source file. */
export interface Source {
  path: string
  lines: number
  imports: { specifier: string; isTypeOnly: boolean; line: number }[]
  functions: { name: string; lines: number; line: number; isSuite: boolean }[]
  /** Texts that name a program or module outside an import: a process to start, a setup file. */
  mentions: string[]
  /** Calls that leave a test out or run it alone. */
  singledOut: { call: string; line: number }[]
  /** Bindings and variables read by name, as in `env.LEDGER`, and the ways to reach the environment without being given it. */
  environmentReads: { what: string; line: number }[]
}

interface Node {
  type: string
  start: number
  end: number
  [field: string]: unknown
}

const runners = new Set(['test', 'it', 'describe', 'bench', 'suite'])
const aloneOrOut = new Set(['skip', 'only', 'todo', 'skipIf', 'runIf', 'fails'])
const aloneOrOutCalls = new Set(['xit', 'xtest', 'xdescribe', 'fit', 'ftest', 'fdescribe'])

/** Reads a file's facts from its syntax. Throws when the file does not parse. */
export function readSource(path: string, text: string): Source {
  const source: Source = {
    path,
    lines: text.split('\n').length,
    imports: [],
    functions: [],
    mentions: [],
    singledOut: [],
    environmentReads: [],
  }
  if (text.endsWith('\n')) source.lines -= 1
  const lineAt = lineFinder(text)
  const lang = path.endsWith('.tsx') ? 'tsx' : path.endsWith('.mjs') ? 'js' : 'ts'
  walk(parseAst(text, { lang }) as unknown as Node, [], (node, parents) => {
    noteImport(source, node, lineAt)
    noteFunction(source, node, parents, lineAt)
    noteSingledOut(source, node, lineAt)
    noteEnvironment(source, node, lineAt)
    const literal = literalOf(node)
    if (literal && /\.(?:tsx?|mjs)$/.test(literal)) source.mentions.push(literal)
  })
  return source
}

function walk(node: Node, parents: readonly Node[], visit: (node: Node, parents: readonly Node[]) => void): void {
  visit(node, parents)
  const inner = [...parents, node]
  for (const value of Object.values(node)) {
    for (const child of Array.isArray(value) ? value : [value]) if (isNode(child)) walk(child, inner, visit)
  }
}

function isNode(value: unknown): value is Node {
  return (
    typeof value === 'object' && value !== null && typeof (value as Node).type === 'string' && typeof (value as Node).start === 'number'
  )
}

function lineFinder(text: string): (offset: number) => number {
  const ends = [...text.matchAll(/\n/g)].map(({ index }) => index)
  return (offset) => {
    let low = 0
    let high = ends.length
    while (low < high) {
      const middle = (low + high) >> 1
      if ((ends[middle] ?? 0) < offset) low = middle + 1
      else high = middle
    }
    return low + 1
  }
}

function field(node: Node | undefined, name: string): Node | undefined {
  const value = node?.[name]
  return isNode(value) ? value : undefined
}

function literalOf(node: Node | undefined): string | null {
  if (node?.type === 'Literal' && typeof node.value === 'string') return node.value
  if (node?.type !== 'TemplateElement') return null
  return String((node.value as { cooked?: string }).cooked ?? '')
}

function noteImport(source: Source, node: Node, lineAt: (offset: number) => number): void {
  const isStatement = ['ImportDeclaration', 'ExportNamedDeclaration', 'ExportAllDeclaration'].includes(node.type)
  const isExpression = node.type === 'ImportExpression' || node.type === 'TSImportType'
  if (!isStatement && !isExpression) return
  const from = field(node, 'source') ?? field(node, 'argument')
  const specifier = literalOf(from) ?? literalOf(field(from, 'literal'))
  if (specifier === null) return
  const isTypeOnly = node.type === 'TSImportType' || node.importKind === 'type' || node.exportKind === 'type'
  source.imports.push({ specifier, isTypeOnly, line: lineAt(node.start) })
}

function noteFunction(source: Source, node: Node, parents: readonly Node[], lineAt: (offset: number) => number): void {
  if (!['FunctionDeclaration', 'FunctionExpression', 'ArrowFunctionExpression'].includes(node.type)) return
  const parent = parents.at(-1)
  const nameNode = field(node, 'id') ?? field(parent, 'key') ?? field(parent, 'id')
  const line = lineAt(node.start)
  const isSuite = parent?.type === 'CallExpression' && parent.callee !== node && rootName(field(parent, 'callee')) === 'describe'
  source.functions.push({ name: String(nameNode?.name ?? 'a function'), lines: lineAt(node.end) - line + 1, line, isSuite })
}

/** The leftmost name of `describe.each(...)(...)` and the like. */
function rootName(node: Node | undefined): string {
  if (!node) return ''
  if (node.type === 'Identifier') return String(node.name)
  return rootName(field(node, 'object') ?? field(node, 'callee') ?? field(node, 'tag'))
}

function noteSingledOut(source: Source, node: Node, lineAt: (offset: number) => number): void {
  if (node.type === 'MemberExpression') {
    const property = String(field(node, 'property')?.name ?? '')
    const root = rootName(node)
    if (runners.has(root) && aloneOrOut.has(property)) source.singledOut.push({ call: `${root}.${property}`, line: lineAt(node.start) })
  } else if (node.type === 'CallExpression') {
    const root = rootName(field(node, 'callee'))
    if (aloneOrOutCalls.has(root)) source.singledOut.push({ call: root, line: lineAt(node.start) })
  }
}

function noteEnvironment(source: Source, node: Node, lineAt: (offset: number) => number): void {
  const note = (what: string) => source.environmentReads.push({ what, line: lineAt(node.start) })
  if (node.type === 'ImportDeclaration' && literalOf(field(node, 'source')) === 'cloudflare:workers') {
    const names = (node.specifiers as Node[]).map((specifier) => field(specifier, 'imported')?.name)
    if (names.includes('env')) note("import { env } from 'cloudflare:workers'")
  }
  if (node.type === 'VariableDeclarator') {
    const pattern = field(node, 'id')
    if (pattern?.type === 'ObjectPattern' && nameOf(field(node, 'init')) === 'env') note('const { ... } = env')
  }
  if (node.type !== 'MemberExpression') return
  const owner = nameOf(field(node, 'object'))
  const name = nameOf(field(node, 'property'))
  if (owner === 'process' && name === 'env') note('process.env')
  else if (owner === 'env' && nameOf(field(field(node, 'object'), 'object')) !== 'process' && /^[A-Z][A-Z0-9_]*$/.test(name))
    note(`env.${name}`)
}

/** `env` of `env`, `this.env` and `c.env`. */
function nameOf(node: Node | undefined): string {
  if (node?.type === 'MemberExpression') return nameOf(field(node, 'property'))
  return node?.type === 'Identifier' ? String(node.name) : ''
}
