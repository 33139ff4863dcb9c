import type { Way } from './way.ts'

type Functions = Readonly<Record<'socket' | 'sendto' | 'close', (...all: readonly unknown[]) => number>>

/** The part of `node:ffi` that is used here. */
interface Ffi {
  dlopen(path: null, definitions: object): { readonly functions: Functions }
}

/** A function of the C library. Versions of Node 26 call these fields differently. */
const returnsInt = (...types: readonly string[]): object => ({
  arguments: types,
  return: 'int32',
  parameters: types,
  result: 'int32',
})

/** Numbers of Linux. The socket is closed in programs that this process starts, and `sendto` never waits. */
const AF_UNIX = 1
const SOCK_DGRAM_CLOEXEC = 0o2_000_002
const MSG_DONTWAIT_NOSIGNAL = 0x4040

/** Longest path of a socket, in bytes. */
const LONGEST_PATH = 107

/** By functions of the C library, on a Node that can call them: from 26 on. The sender is this process. */
export const ffi: Way = {
  name: 'node:ffi',
  open: socket => {
    const { dlopen } = libffi()
    const address = addressOf(socket)
    const { functions: libc } = dlopen(null, {
      socket: returnsInt('int32', 'int32', 'int32'),
      sendto: returnsInt('int32', 'buffer', 'uint64', 'int32', 'buffer', 'uint32'),
      close: returnsInt('int32'),
    })
    return text => {
      const fd = libc.socket(AF_UNIX, SOCK_DGRAM_CLOEXEC, 0)
      if (fd < 0) throw new Error('no socket can be made')
      const bytes = Buffer.from(text)
      const sent = libc.sendto(fd, bytes, BigInt(bytes.length), MSG_DONTWAIT_NOSIGNAL, address, address.length)
      libc.close(fd)
      if (sent < 0) throw new Error(`nobody takes what is sent to ${socket}`)
    }
  },
}

const libffi = (): Ffi => {
  if (process.platform !== 'linux') throw new Error('systemd is for Linux')
  // Without the permission to use it, loading it throws.
  const found = process.getBuiltinModule('node:ffi') as Ffi | undefined
  if (!found) throw new Error(`not in Node ${process.versions.node}`)
  return found
}

/** A `struct sockaddr_un`. The first character of an abstract name stands for a zero byte. */
const addressOf = (socket: string): Buffer => {
  const path = Buffer.from(socket)
  if (!/^[/@]/.test(socket)) throw new Error(`${socket} is no address of a unix socket`)
  if (path.length > LONGEST_PATH) throw new Error('the path of the socket is too long')
  if (socket.startsWith('@')) path[0] = 0
  const family = Buffer.from(new Uint16Array([AF_UNIX]).buffer)
  // A path has a zero byte at its end; an abstract name is as long as it is.
  return Buffer.concat(socket.startsWith('@') ? [family, path] : [family, path, Buffer.alloc(1)])
}
