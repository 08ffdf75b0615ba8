/** A fault to be planted into the money code, to see whether the suites are able to fail. */
export interface Fault {
  /** The promise it breaks: how a report names it. */
  promise: string
  /** The file it is planted into, from the root of the project. */
  file: string
  /** Stands in the file exactly once. */
  find: string
  replace: string
  /** The test files of which one must fail. */
  suites: string[]
  /** Whether an undiscovered one would lose, double or give away money, or break a customer's floor. */
  money: boolean
}

/** The text with the fault in it; throws when the table no longer fits the code. */
export function plant({ file, find, replace, promise }: Fault, text: string): string {
  const at = text.indexOf(find)
  if (at < 0) throw new Error(`${file} does not hold the text in which "${promise}" is to be broken: ${find}`)
  if (text.indexOf(find, at + 1) >= 0)
    throw new Error(`${file} holds the text in which "${promise}" is to be broken more than once: ${find}`)
  if (find === replace) throw new Error(`nothing would change where "${promise}" is to be broken in ${file}`)
  return text.slice(0, at) + replace + text.slice(at + find.length)
}

/** A fault as a room lists it under its file and suites; one that costs no money says so. */
export type FaultInFile = Pick<Fault, 'promise' | 'find' | 'replace'> & { money?: false }

export function faultsIn(file: string, suites: string[], faults: FaultInFile[]): Fault[] {
  return faults.map((fault) => ({ money: true, ...fault, file, suites }))
}
