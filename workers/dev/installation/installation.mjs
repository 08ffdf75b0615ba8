import { createHash } from 'node:crypto'
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

/**
 * `stamped`: installed from this lockfile. `unstamped`: someone ran npm themselves, and what is there is what the lockfile asks for.
 * @typedef {'stamped' | 'unstamped' | 'stale' | 'missing'} InstallationState
 */

/** @typedef {{ packages: Record<string, { version?: string, optional?: boolean, devOptional?: boolean, link?: boolean }> }} Lockfile */

const stampName = '.relay-installed'

/**
 * @param {string} root the checkout
 * @returns {InstallationState}
 */
export function judgeInstallation(root) {
  const modules = join(root, 'node_modules')
  if (!existsSync(join(modules, '.bin', 'node'))) return 'missing'
  const lockText = readFileSync(join(root, 'package-lock.json'), 'utf8')
  const stamp = readText(join(modules, stampName))
  if (stamp === createStamp(lockText)) return 'stamped'
  // npm writes down what it installed; a missing record means that an installation was cut short.
  const installedText = readText(join(modules, '.package-lock.json'))
  if (installedText === undefined) return 'stale'
  return satisfies(JSON.parse(installedText), JSON.parse(lockText)) ? 'unstamped' : 'stale'
}

/**
 * Notes that node_modules was installed from the present lockfile.
 * @param {string} root the checkout
 */
export function writeStamp(root) {
  writeFileSync(join(root, 'node_modules', stampName), createStamp(readFileSync(join(root, 'package-lock.json'), 'utf8')))
}

/**
 * Whether every package the lockfile wants is installed in its version. Optional ones may be for another platform.
 * @param {Lockfile} installed
 * @param {Lockfile} wanted
 */
export function satisfies(installed, wanted) {
  return Object.entries(wanted.packages).every(([path, { version, optional, devOptional, link }]) => {
    if (path === '' || link) return true
    const found = installed.packages[path]?.version
    return found === version || (found === undefined && Boolean(optional || devOptional))
  })
}

/**
 * Platform included: a checkout shared between two machines needs other binaries on each.
 * @param {string} lockText
 */
function createStamp(lockText) {
  return `${process.platform}-${process.arch} ${createHash('sha256').update(lockText).digest('hex')}\n`
}

/** @param {string} path */
function readText(path) {
  return existsSync(path) ? readFileSync(path, 'utf8') : undefined
}
