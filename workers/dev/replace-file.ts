import { renameSync, writeFileSync } from 'node:fs'

/** Writes a file only its owner may read, in one step: a reader sees the old content or the new, never a part. */
export function replaceFile(path: string, content: string): void {
  const draft = `${path}.${process.pid}.draft`
  writeFileSync(draft, content, { mode: 0o600 })
  renameSync(draft, path)
}
