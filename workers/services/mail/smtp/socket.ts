/** What a conversation needs of a socket; those of `cloudflare:sockets` are such. */
export interface SmtpSocket {
  readonly opened: Promise<unknown>
  readonly readable: ReadableStream<Uint8Array>
  readonly writable: WritableStream<Uint8Array>
  /** The same connection, encrypted from here on. Nothing may hold the streams of this one. */
  startTls(): SmtpSocket
  close(): Promise<void>
}

/** `starttls` begins in clear and can be encrypted later. */
export type ConnectSocket = (
  server: { host: string; port: number },
  secureTransport: 'on' | 'off' | 'starttls',
) => SmtpSocket | Promise<SmtpSocket>

/** Connects from within a Worker. Imported when it is called, because nothing but the platform has this module. */
export const connectSocket: ConnectSocket = async ({ host, port }, secureTransport) => {
  const { connect } = await import('cloudflare:sockets')
  return connect({ hostname: host, port }, { secureTransport, allowHalfOpen: false })
}
