import { mkdtempSync, rmSync } from 'node:fs'
import { type AddressInfo, createServer, type Server } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { localHost, portsFrom } from '../ports.ts'
import { createDatabase, planPostgres, postgresUrl } from '../postgres/cluster.ts'
import { type ProcessPlan, SupervisedProcess } from '../processes/supervised.ts'
import { planNeon } from '../stand-ins.ts'

export type Throwaway = { port: number; url: string; process: SupervisedProcess; end: () => Promise<void> }

/** A real Postgres with an empty database in a folder of its own; the caller ends it. */
export async function startThrowawayPostgres(): Promise<Throwaway> {
  const port = await findFreePort()
  const throwaway = await startThrowaway(port, postgresUrl(port), (directory) => planPostgres(directory, port))
  await createDatabase(port)
  return throwaway
}

/** Neon's protocol in front of a Postgres that runs; the caller ends it. */
export async function startThrowawayNeon(postgresPort: number): Promise<Throwaway> {
  const port = await findFreePort()
  const ports = { ...portsFrom(0), neon: port, postgres: postgresPort }
  return startThrowaway(port, `http://${localHost}:${port}`, async (directory) => planNeon(directory, ports))
}

/** Listens on a free port and answers the base URL. */
export async function listenAnywhere(server: Server): Promise<string> {
  await new Promise<void>((resolve) => server.listen(0, localHost, resolve))
  return `http://${localHost}:${readPort(server)}`
}

/** Starts what `plan` says in a folder of its own; the caller ends it. */
export async function startThrowaway(port: number, url: string, plan: (directory: string) => Promise<ProcessPlan>): Promise<Throwaway> {
  const directory = mkdtempSync(join(tmpdir(), 'relay-'))
  const supervised = new SupervisedProcess(await plan(directory), () => undefined)
  await supervised.start()
  const end = async () => {
    await supervised.stop()
    rmSync(directory, { recursive: true, force: true })
  }
  return { port, url, process: supervised, end }
}

export async function findFreePort(): Promise<number> {
  const server = createServer()
  await listenAnywhere(server)
  const port = readPort(server)
  await new Promise((resolve) => server.close(resolve))
  return port
}

function readPort(server: Server): number {
  // A server that listens on TCP has an address of this shape.
  return (server.address() as AddressInfo).port
}
