import { execFile } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, readdirSync, renameSync, rmSync } from 'node:fs'
import { delimiter, join } from 'node:path'
import { promisify } from 'node:util'
import { findOnPath } from '../find-on-path.ts'

export type RedisBinary = { command: string; environment: Record<string, string> }

const run = promisify(execFile)
/** What redis-server of Debian and Ubuntu is made of; a library that a release does not have is one it does not need. */
const requiredPackages = ['redis-server', 'redis-tools']
const libraryPackages = ['libjemalloc2', 'liblzf1', 'libatomic1', 'liblua5.1-0', 'lua-bitop', 'lua-cjson']

/** A Redis server from PATH, or Debian's packages unpacked, without being installed, into `cacheDirectory`. */
export async function findRedis(cacheDirectory: string, report: (line: string) => void): Promise<RedisBinary> {
  for (const name of ['valkey-server', 'redis-server']) {
    const command = findOnPath(name)
    if (command) return { command, environment: {} }
  }
  const unpacked = describeUnpacked(cacheDirectory)
  if (unpacked) return unpacked
  if (process.platform === 'darwin') throw new Error('Redis is not installed. Run: brew install redis')
  if (!findOnPath('apt-get') || !findOnPath('dpkg'))
    throw new Error('Redis is not installed. Install redis-server or valkey-server with your package manager.')
  report('unpacking redis-server from the Debian packages')
  await unpackPackages(cacheDirectory)
  const found = describeUnpacked(cacheDirectory)
  if (!found) throw new Error(`The Debian packages hold no redis-server that runs here (${cacheDirectory}). Install redis-server.`)
  return found
}

/** Unpacks beside the cache and renames, because several stacks may do it at the same time. */
async function unpackPackages(cacheDirectory: string): Promise<void> {
  mkdirSync(join(cacheDirectory, '..'), { recursive: true })
  const draft = mkdtempSync(`${cacheDirectory}-`)
  try {
    await downloadRequired(draft)
    for (const name of libraryPackages) await run('apt-get', ['download', name], { cwd: draft }).catch(() => undefined)
    for (const file of readdirSync(draft).filter((name) => name.endsWith('.deb'))) await run('dpkg', ['-x', file, '.'], { cwd: draft })
    if (describeUnpacked(cacheDirectory)) return
    rmSync(cacheDirectory, { recursive: true, force: true })
    renameSync(draft, cacheDirectory)
  } finally {
    rmSync(draft, { recursive: true, force: true })
  }
}

async function downloadRequired(folder: string): Promise<void> {
  try {
    await run('apt-get', ['download', ...requiredPackages], { cwd: folder })
  } catch {
    if (process.getuid?.() !== 0) {
      throw new Error('The Debian package lists are missing. Run "sudo apt-get update", or install redis-server, and start again.')
    }
    await run('apt-get', ['update'])
    await run('apt-get', ['download', ...requiredPackages], { cwd: folder })
  }
}

function describeUnpacked(folder: string): RedisBinary | undefined {
  const command = join(folder, 'usr', 'bin', 'redis-server')
  if (!existsSync(command)) return undefined
  const libraries = join(folder, 'usr', 'lib')
  const folders = readdirSync(libraries).map((name) => join(libraries, name))
  return { command, environment: { LD_LIBRARY_PATH: folders.join(delimiter) } }
}
