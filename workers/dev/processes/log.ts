import { closeSync, fstatSync, openSync, readSync } from 'node:fs'

/** Log text from a byte offset to the end, at most the last 64 KiB of it. */
export function readLog(path: string, fromByte: number): string {
  const maximumBytes = 65_536
  const file = openSync(path, 'r')
  try {
    const endByte = fstatSync(file).size
    const startByte = Math.max(fromByte, endByte - maximumBytes, 0)
    const content = Buffer.alloc(Math.max(endByte - startByte, 0))
    const readBytes = readSync(file, content, 0, content.length, startByte)
    return content.toString('utf8', 0, readBytes)
  } finally {
    closeSync(file)
  }
}

/** The last lines of a log, indented to sit under an error message. */
export function tailLog(path: string, lineCount = 15): string {
  const lines = readLog(path, 0).trimEnd().split('\n').slice(-lineCount)
  return lines.map((line) => `  ${line}`).join('\n')
}
