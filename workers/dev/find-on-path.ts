import { accessSync, constants } from 'node:fs'
import { delimiter, join } from 'node:path'

/** The file that a command of this name would run; undefined when there is none. */
export function findOnPath(name: string): string | undefined {
  const candidates = (process.env.PATH ?? '').split(delimiter).map((folder) => join(folder, name))
  return candidates.find((file) => {
    try {
      accessSync(file, constants.X_OK)
      return true
    } catch {
      return false
    }
  })
}
