import { execFile } from 'node:child_process'
import { chmodSync, chownSync, existsSync, mkdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import { promisify } from 'node:util'
import pg from 'pg'
import { localHost } from '../ports.ts'
import { inheritedEnvironment } from '../processes/environment.ts'
import { identifyProcess, readCommandLine } from '../processes/identity.ts'
import type { ProcessPlan } from '../processes/supervised.ts'
import { findPostgresBinaries, findServerAccount, requireReachable } from './binaries.ts'

const databaseName = 'relay'

/** Longest wait for what is left of a killed server, far more than it takes. */
const orphansMs = 10_000

const userName = 'relay'
/** Known to everyone, because the server listens on the loopback address only and holds nothing but local data. */
const password = 'relay-local'

export function postgresUrl(port: number, database = databaseName): string {
  return `postgres://${userName}:${password}@${localHost}:${port}/${database}`
}

/** Makes the data folder when it is not there yet, and plans the server's process. May be called on every start. */
export async function planPostgres(directory: string, port: number): Promise<ProcessPlan> {
  const binaries = await findPostgresBinaries()
  const account = findServerAccount()
  const dataDirectory = join(directory, 'postgres')
  if (account) {
    chmodSync(directory, statSync(directory).mode | 0o011) // The server's account has to pass through; it can list nothing.
    requireReachable([binaries.postgres, dataDirectory])
  }
  if (!existsSync(join(dataDirectory, 'PG_VERSION'))) await initialise(binaries.initdb, dataDirectory, account)
  return {
    name: 'postgres',
    command: binaries.postgres,
    // The durable settings stay on: tests kill this server and count what survived.
    parameters: ['-D', dataDirectory, '-p', String(port), '-h', localHost, '-k', '', '-c', 'max_connections=120', '-c', 'fsync=on'],
    environment: inheritedEnvironment({ TZ: 'UTC' }),
    workingDirectory: dataDirectory,
    directory,
    runAs: account,
    probe: () => acceptsQueries(port),
    readyTimeoutMs: 30_000,
    stopSignal: 'SIGINT', // Fast shutdown: open sessions are ended instead of waited for.
    prepare: async () => {
      await awaitOrphans(dataDirectory)
      removeStaleLock(dataDirectory)
    },
  }
}

export async function createDatabase(port: number): Promise<void> {
  const client = new pg.Client({ connectionString: postgresUrl(port, 'postgres') })
  await client.connect()
  try {
    const known = await client.query('select 1 from pg_database where datname = $1', [databaseName])
    if (known.rowCount === 0) await client.query(`create database ${databaseName}`)
  } finally {
    await client.end()
  }
}

async function initialise(initdb: string, dataDirectory: string, account: { uid: number; gid: number } | undefined): Promise<void> {
  rmSync(dataDirectory, { recursive: true, force: true })
  // A folder beside it until it is complete, so that an interrupted start never leaves half a cluster.
  const draftDirectory = `${dataDirectory}.draft`
  rmSync(draftDirectory, { recursive: true, force: true })
  mkdirSync(draftDirectory, { mode: 0o700 })
  const passwordFile = join(draftDirectory, '..', 'postgres.password')
  writeFileSync(passwordFile, password, { mode: 0o600 })
  if (account) for (const path of [draftDirectory, passwordFile]) chownSync(path, account.uid, account.gid)
  try {
    const parameters = ['-D', draftDirectory, '-U', userName, `--pwfile=${passwordFile}`, '--auth=password', '-E', 'UTF8', '--locale=C']
    await promisify(execFile)(initdb, parameters, { ...account, cwd: draftDirectory, env: inheritedEnvironment({ TZ: 'UTC' }) })
  } catch (error) {
    throw new Error(`Postgres could not initialise ${dataDirectory}: ${error instanceof Error ? error.message : error}`)
  } finally {
    rmSync(passwordFile, { force: true })
  }
  renameSync(draftDirectory, dataDirectory)
}

async function acceptsQueries(port: number): Promise<boolean> {
  const client = new pg.Client({ connectionString: postgresUrl(port, 'postgres'), connectionTimeoutMillis: 2_000 })
  client.on('error', () => undefined) // The connect or query that fails tells it as well.
  try {
    await client.connect()
    await client.query('select 1')
    return true
  } catch {
    return false
  } finally {
    client.end().catch(() => undefined)
  }
}

/**
 * The backends of a killed server notice its death a moment later, and until then Postgres refuses to start: its shared memory is in use. The lock
 * file names that memory in its seventh line; where /proc does not tell who uses it, nothing is waited for.
 */
async function awaitOrphans(dataDirectory: string): Promise<void> {
  const lines = readText(join(dataDirectory, 'postmaster.pid')).split('\n')
  const memoryId = lines[6]?.trim().split(/\s+/)[1]
  const deadlineMs = Date.now() + orphansMs
  const isInUse = () =>
    readText('/proc/sysvipc/shm')
      .split('\n')
      .map((line) => line.trim().split(/\s+/))
      .some(([, id, , , , , attached]) => id === memoryId && Number(attached) > 0)
  while (memoryId !== undefined && isInUse() && Date.now() < deadlineMs) await wait(20)
}

function readText(file: string): string {
  return existsSync(file) ? readFileSync(file, 'utf8') : ''
}

/**
 * Postgres refuses to start while the id in its lock file belongs to any living process. In a container that is
 * often an unrelated one that got the number of a server killed earlier.
 */
function removeStaleLock(dataDirectory: string): void {
  const lockFile = join(dataDirectory, 'postmaster.pid')
  if (!existsSync(lockFile)) return
  const pid = Number.parseInt(readFileSync(lockFile, 'utf8'), 10)
  const isServer = Number.isInteger(pid) && identifyProcess(pid) !== undefined && readCommandLine(pid).includes(dataDirectory)
  if (!isServer) rmSync(lockFile, { force: true })
}
