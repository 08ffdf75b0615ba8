import { createServer, type Socket } from 'node:net'

/** What a server does with a line: a reply, or `drop` the connection, or `hang` without a word. */
export type Scripted = string | 'drop' | 'hang'

export interface ScriptedServer {
  port: number
  /** Every line that came, of all connections, a mail as one. */
  heard: string[]
  connections: number
  stop(): void
}

/** A mail server that answers as told, by the first word of each line; a mail itself is named `.`. What is not told is accepted. */
export async function scriptServer(script: (line: string, server: ScriptedServer) => Scripted | undefined): Promise<ScriptedServer> {
  const sockets = new Set<Socket>()
  const listener = createServer((socket) => {
    sockets.add(socket)
    server.connections++
    socket.on('error', () => undefined).on('close', () => sockets.delete(socket))
    converse(socket, server, script)
  })
  await new Promise<void>((resolve) => listener.listen(0, '127.0.0.1', resolve))
  const address = listener.address()
  const server: ScriptedServer = {
    port: typeof address === 'object' && address !== null ? address.port : 0,
    heard: [],
    connections: 0,
    stop: () => {
      listener.close()
      for (const socket of sockets) socket.destroy()
    },
  }
  return server
}

const usual: Record<string, string> = {
  greeting: '220 mail.test ESMTP',
  EHLO: '250-mail.test\r\n250-STARTTLS\r\n250 AUTH LOGIN PLAIN',
  STARTTLS: '220 go ahead',
  AUTH: '235 welcome',
  DATA: '354 end with a dot',
  QUIT: '221 bye',
}

function converse(socket: Socket, server: ScriptedServer, script: Parameters<typeof scriptServer>[0]): void {
  let received = ''
  let isInMail = false
  const act = (name: string, line: string) => {
    const told = script(line, server) ?? usual[name] ?? '250 ok'
    if (told === 'drop') socket.destroy()
    else if (told !== 'hang') socket.write(`${told}\r\n`)
    isInMail = name === 'DATA' && told.startsWith('354')
  }
  act('greeting', 'greeting')
  socket.on('data', (chunk) => {
    received += chunk.toString('latin1')
    for (;;) {
      const mark = isInMail ? '\r\n.\r\n' : '\r\n'
      const end = received.indexOf(mark)
      if (end < 0) return
      const line = received.slice(0, end)
      received = received.slice(end + mark.length)
      server.heard.push(line)
      if (isInMail) act('.', '.')
      else act(line.split(' ')[0] ?? '', line)
    }
  })
}
