import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { afterAll } from 'vitest'

/** Node has no unix datagrams. Each is printed as JSON: who has sent it, and its text. */
const RECEIVER = `
import array, json, os, socket, struct, sys
s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
s.setsockopt(socket.SOL_SOCKET, socket.SO_PASSCRED, 1)
s.bind('\\0' + sys.argv[1][1:] if sys.argv[1][0] == '@' else sys.argv[1])
print('ready', flush=True)
while True:
    text, more, _, _ = s.recvmsg(8192, 1024)
    for _, kind, data in more:
        if kind == socket.SCM_RIGHTS:
            for fd in array.array('i', data): os.close(fd)
    pid = next((struct.unpack('iII', d)[0] for l, t, d in more if t == socket.SCM_CREDENTIALS), 0)
    print(json.dumps([pid, text.decode()]), flush=True)
`

/** A socket such as systemd has one for each service. */
export interface NotifySocket {
  readonly path: string
  /** The datagrams so far, each with its lines joined by `; `. */
  readonly told: readonly string[]
  /** When each came, in milliseconds. */
  readonly times: readonly number[]
  /** The processes that have sent. */
  readonly senders: ReadonlySet<number>
  /** Settles with the datagrams once one holds this text. */
  hears(text: string | RegExp): Promise<readonly string[]>
}

const ends: (() => void)[] = []

afterAll(() => {
  for (const end of ends) end()
})

/** Listens as systemd does, until the test file is over. */
export const notifySocket = async (abstract?: string): Promise<NotifySocket> => {
  const folder = mkdtempSync(join(tmpdir(), 'notify-'))
  const path = abstract ?? join(folder, 'socket')
  const child = spawn('python3', ['-c', RECEIVER, path], { stdio: ['ignore', 'pipe', 'inherit'] })
  ends.push(() => {
    child.kill('SIGKILL')
    rmSync(folder, { recursive: true, force: true })
  })
  const told: string[] = []
  const times: number[] = []
  const senders = new Set<number>()
  const listeners = new Set<() => void>()
  const lines = createInterface(child.stdout)
  await once(lines, 'line')
  lines.on('line', line => {
    const [pid, text] = JSON.parse(line) as [number, string]
    // The command systemd-notify waits with this one until the others are read.
    if (text === 'BARRIER=1') return
    senders.add(pid)
    times.push(performance.now())
    told.push(text.split('\n').join('; '))
    for (const listener of listeners) listener()
  })
  return {
    path,
    told,
    times,
    senders,
    hears: text =>
      new Promise(resolve => {
        const look = (): void => {
          if (!told.some(one => (typeof text === 'string' ? one.includes(text) : text.test(one)))) return
          listeners.delete(look)
          resolve(told)
        }
        listeners.add(look)
        look()
      }),
  }
}
