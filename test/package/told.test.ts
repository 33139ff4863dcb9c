import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { beforeAll, describe, expect, test } from 'vitest'
import { startCommand } from '../support/child.ts'
import { notifySocket } from '../support/notify-socket.ts'
import { type Project, project } from '../support/project.ts'

let app: Project
let node26: string

beforeAll(async () => {
  app = await project({
    packages: ['unix-dgram@2.0.7', 'node@26.10.0'],
    files: {
      'main.mjs': `import { run, service, serviceGroup } from 'rx-service-group'
        const drain = async ({ pending }) => {
          for (const left of [2, 1]) {
            pending(left)
            await new Promise(resolve => setTimeout(resolve, 1_200))
          }
        }
        await run(serviceGroup('shop').add(service('orders', { drain })))`,
      'well.mjs': `import { run, service, serviceGroup } from 'rx-service-group'
        import { http } from 'rx-service-group/http'
        import { probes } from 'rx-service-group/probes'
        const group = serviceGroup('shop').add(service('db', {}))
        const server = http('probes', probes(group), { port: 0, host: '127.0.0.1' })
        group.add(server, { observer: true })
        void group.ready.then(() => console.log('at ' + server.url))
        await run(group)`,
    },
  })
  node26 = join(app.folder, 'node_modules/node/bin/node')
}, 240_000)

/** Without the command, so that only one way is left. */
const PATH = '/nowhere'

describe('systemd is told in the way that is there', () => {
  test.each([
    ['by node:ffi on Node 26', (): string => node26, undefined],
    ['by node:ffi on Node 26, on an abstract socket', (): string => node26, `@rx-service-group-told-${process.pid}`],
    ['by the package unix-dgram', (): string => process.execPath, undefined],
  ])('%s, with this process as the sender', { timeout: 60_000 }, async (_, node, abstract) => {
    const socket = await notifySocket(abstract)
    const child = startCommand(node(), [join(app.folder, 'main.mjs')], {
      PATH,
      NOTIFY_SOCKET: socket.path,
      RX_SERVICE_GROUP_GRACE: '60000',
    })
    await socket.hears('READY=1')
    child.kill('SIGTERM')
    const { code, output } = await child.ended
    expect(code, output).toBe(0)
    expect(output).not.toContain("can't be told")
    const told = socket.told.filter(text => !text.startsWith('STATUS=starting'))
    expect(told.map(text => text.replace(/\d+ s left/, 'N s left').replace(/(USEC)=\d+/, '$1=N'))).toEqual([
      'READY=1; STATUS=running: 1 of 1 ready',
      'STOPPING=1; STATUS=draining: orders, 2 in flight, N s left',
      'STATUS=draining: orders, 1 in flight, N s left; EXTEND_TIMEOUT_USEC=N',
      'STATUS=stopped',
    ])
    expect([...socket.senders]).toEqual([child.pid])
  })
})

test('the command of a health check runs as it is installed, by its name and by its file', async () => {
  const child = startCommand(process.execPath, [join(app.folder, 'well.mjs')])
  const [, url] = /at (\S+)/.exec(await child.says(/at \S+\n/)) ?? []
  const file = 'node_modules/rx-service-group/dist/process/health.js'
  expect(existsSync(join(app.folder, file))).toBe(true)
  const commands: readonly (readonly [string, readonly string[]])[] = [
    ['rx-service-group-health', [url!]],
    // No shell and nothing else of an image is needed, as in a distroless one.
    [process.execPath, [file, url!]],
  ]
  for (const [command, args] of commands)
    expect(await app.run(command, args)).toEqual({ code: 0, stdout: '', stderr: '' })
  child.kill('SIGTERM')
  await child.ended
  const { code, stderr } = await app.run('rx-service-group-health', [url!])
  expect({ code, stderr }).toEqual({ code: 1, stderr: expect.stringContaining('ECONNREFUSED') })
}, 60_000)
