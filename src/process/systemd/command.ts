import type { Way } from './way.ts'

/** How long a call of the command may take, in milliseconds. It waits 5 s at most for systemd by itself. */
const PATIENCE = 8_000

/**
 * By the command `systemd-notify`, a process for each datagram. As root it sends in the name of this process; else it
 * is the sender itself, which a unit has to allow: `NotifyAccess=all`. It ends once systemd has read what was sent:
 * systemd looks up the sender, and would not find a process that is gone.
 */
export const systemdNotify: Way = {
  name: 'systemd-notify',
  open: socket => {
    const { spawn } = process.getBuiltinModule('node:child_process')
    const { PATH = '' } = process.env
    if (!isOnPath(PATH)) throw new Error('not found')
    return text =>
      new Promise((resolve, reject) => {
        const env = { PATH, NOTIFY_SOCKET: socket }
        const child = spawn('systemd-notify', text.split('\n'), { env, stdio: ['ignore', 'ignore', 'pipe'] })
        // Neither this timer nor the command keeps this process alive.
        const late = setTimeout(() => child.kill('SIGKILL'), PATIENCE).unref()
        child.unref()
        ;(child.stderr as unknown as { unref(): void }).unref()
        let said = ''
        child.stderr.setEncoding('utf8').on('data', (more: string) => {
          said = `${said}${more}`.slice(0, 500)
        })
        child.on('error', error => {
          clearTimeout(late)
          reject(error)
        })
        child.on('close', (code, signal) => {
          clearTimeout(late)
          if (code === 0) resolve()
          else reject(new Error(said.trim() || `it ended with ${code ?? signal}`))
        })
      })
  },
}

const isOnPath = (path: string): boolean => {
  const { existsSync } = process.getBuiltinModule('node:fs')
  const { delimiter, join } = process.getBuiltinModule('node:path')
  return path.split(delimiter).some(folder => folder !== '' && existsSync(join(folder, 'systemd-notify')))
}
