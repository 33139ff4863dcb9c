import type { Way } from './way.ts'

interface Socket {
  on(event: 'error', listener: (error: Error) => void): void
  send(bytes: Buffer, offset: number, length: number, path: string, sent: (error?: Error) => void): void
  close(): void
}

interface Package {
  createSocket(type: 'unix_dgram'): Socket
}

/** By the package `unix-dgram`, if the program has it. The sender is this process. */
export const unixDgram: Way = {
  name: 'unix-dgram',
  open: socket => {
    const { createSocket } = installed()
    if (!socket.startsWith('/')) throw new Error(`it can't send to ${socket}`)
    return text => {
      let failed: Error | undefined
      const sender = createSocket('unix_dgram')
      sender.on('error', error => {
        failed = error
      })
      const bytes = Buffer.from(text)
      // It calls back before it returns.
      sender.send(bytes, 0, bytes.length, socket, error => {
        failed ??= error
      })
      sender.close()
      if (failed) throw failed
    }
  },
}

/**
 * The package as the program finds it, not this library: then no bundle and no package manager has to know of it. Tools
 * that start programs leave the path of the program in `argv`.
 */
const installed = (): Package => {
  const { createRequire } = process.getBuiltinModule('node:module')
  const { resolve } = process.getBuiltinModule('node:path')
  for (const from of [process.argv[1], 'here'])
    try {
      if (from !== undefined) return createRequire(resolve(from))('unix-dgram') as Package
    } catch (error) {
      // Installed, but made for another Node.
      if ((error as { code?: unknown }).code !== 'MODULE_NOT_FOUND') throw error
    }
  throw new Error('not installed')
}
