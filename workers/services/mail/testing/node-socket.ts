import { connect, type Socket } from 'node:net'
import type { ConnectSocket, SmtpSocket } from '../smtp/socket.ts'

/** Connections as a Worker has them, made by Node. `startTls` only counts: what follows goes in clear, so that a scripted server can read it. */
export function nodeSockets(): { connect: ConnectSocket; opened: Socket[]; upgraded: number } {
  const sockets = {
    opened: [] as Socket[],
    upgraded: 0,
    connect: (({ host, port }) => {
      const socket = connect({ host, port })
      sockets.opened.push(socket)
      const opened = new Promise<void>((resolve, reject) => socket.once('connect', resolve).once('error', reject))
      opened.catch(() => undefined)
      return streamsOf(socket, opened, () => sockets.upgraded++)
    }) satisfies ConnectSocket,
  }
  return sockets
}

function streamsOf(socket: Socket, opened: Promise<unknown>, onUpgrade: () => void): SmtpSocket {
  const listeners = new AbortController()
  const readable = new ReadableStream<Uint8Array>({
    start(controller) {
      const end = (finish: () => void) => () => {
        listeners.abort()
        finish()
      }
      const take = (chunk: Buffer) => controller.enqueue(new Uint8Array(chunk))
      const close = end(() => controller.close())
      const fail = (error: Error) => end(() => controller.error(error))()
      socket.on('data', take).on('end', close).on('error', fail)
      listeners.signal.addEventListener('abort', () => socket.off('data', take).off('end', close).off('error', fail))
    },
  })
  const writable = new WritableStream<Uint8Array>({
    write: (chunk) => new Promise((resolve, reject) => void socket.write(chunk, (error) => (error ? reject(error) : resolve()))),
  })
  return {
    opened,
    readable,
    writable,
    startTls() {
      listeners.abort()
      onUpgrade()
      return streamsOf(socket, opened, onUpgrade)
    },
    close: async () => void socket.destroy(),
  }
}
