import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, describe, expect, test } from 'vitest'
import { scripts } from '../support/scripts.ts'

const write = scripts()

const children = new Set<ChildProcess>()

afterAll(() => {
  for (const child of children) child.kill('SIGKILL')
})

interface App {
  readonly child: ChildProcess
  /** The messages and the lines of the app, as they came. */
  readonly told: readonly unknown[]
  /** Settles once the app has told something that matches. */
  tells(what: unknown): Promise<void>
  /** Settles with the exit code. */
  readonly ended: Promise<number | null>
}

/** Starts a program as PM2 does: with a channel, and with variables. */
const start = (code: string, env: (script: string) => Readonly<Record<string, string>>): App => {
  const script = write(`import { serviceGroup, service, run } from 'rx-service-group'\n${code}`)
  const own = { ...process.env, NO_COLOR: '1', RX_SERVICE_GROUP_GRACE: '20000' }
  const child = fork(script, { env: { ...own, ...env(script) }, stdio: ['ignore', 'pipe', 'pipe', 'ipc'] })
  children.add(child)
  const told: unknown[] = []
  const listeners = new Set<() => void>()
  const take = (one: unknown): void => {
    told.push(one)
    for (const listener of listeners) listener()
  }
  child.on('message', take)
  for (const output of [child.stdout!, child.stderr!])
    output.setEncoding('utf8').on('data', (text: string) => {
      for (const line of text.split('\n')) if (line.trim() !== '') take(line)
    })
  // A child with a channel that was closed never tells 'close'.
  const closed = [child.stdout!, child.stderr!].map(output => once(output, 'close'))
  const ended = Promise.all([once(child, 'exit'), ...closed]).then(([[code]]) => code as number | null)
  return {
    child,
    told,
    ended,
    tells: what =>
      new Promise((resolve, reject) => {
        const look = (): void => {
          if (!told.some(one => (what instanceof RegExp ? what.test(String(one)) : one === what))) return
          listeners.delete(look)
          resolve()
        }
        listeners.add(look)
        look()
        void ended.then(() => reject(new Error(`it ended without telling ${what}, but ${told.join('\n')}`)))
      }),
  }
}

const PM2 = (): Record<string, string> => ({ pm_id: '0' })

const GROUP = `
const say = text => console.log(text)
const group = serviceGroup('shop')
  .add(service('db', { stop: ({ reason }) => say('db stops: ' + JSON.stringify(reason)) }))
  .add(service('api', { start: () => { say('api starts') } }))
`

describe.concurrent('P6 PM2', { timeout: 60_000 }, () => {
  test('P6 is told ready once, after the last start, and begins a shutdown by a message', async () => {
    const app = start(
      `${GROUP}
      group.add(service('queue', { start: () => new Promise(resolve => setTimeout(() => { say('queue starts'); resolve() }, 300)) }))
      await run(group)`,
      PM2,
    )
    await app.tells('ready')
    app.child.send('shutdown')
    expect(await app.ended).toBe(0)
    expect(app.told.slice(0, 4)).toEqual([
      'api starts',
      'queue starts',
      'ready',
      'db stops: {"by":"signal","signal":"shutdown"}',
    ])
    expect(app.told.join('\n')).toMatch(/shop stopped gracefully in .*: shutdown/)
    expect(app.told.filter(one => one === 'ready')).toHaveLength(1)
    expect(app.told.join('\n')).not.toContain('still keeps the process alive')
  })

  test('P6 as a daemon that loads the app, and as the parent of an interpreter that runs it', async () => {
    for (const path of ['', '/usr/lib/other.mjs']) {
      const app = start(
        `${GROUP}${path && "process.argv[1] = '/pm2/lib/ProcessContainerFork.js'"}\nawait run(group)`,
        script => ({
          pm_id: '0',
          pm_exec_path: path || script,
        }),
      )
      await app.tells('ready')
      app.child.send('shutdown')
      expect(await app.ended).toBe(0)
    }
  })

  test('P6 hears nothing from a program that an app has started, which inherits its variables', async () => {
    const app = start(`${GROUP}await run(group)`, () => ({ pm_id: '0', pm_exec_path: '/srv/app.mjs' }))
    await app.tells('api starts')
    app.child.send('shutdown')
    await sleep(300)
    app.child.kill('SIGTERM')
    expect(await app.ended).toBe(0)
    expect(app.told).not.toContain('ready')
    expect(app.told.join('\n')).toMatch(/shop stopped gracefully in .*: SIGTERM/)
  })

  test('P6 is not told by a program whose parent is another, nor with notify: false', async () => {
    for (const [options, env] of [
      ['{}', {}],
      ['{ notify: false }', { pm_id: '0' }],
    ] as const) {
      const app = start(`${GROUP}await run(group, ${options})`, () => env)
      await app.tells('api starts')
      await sleep(300)
      app.child.kill('SIGTERM')
      expect(await app.ended).toBe(0)
      expect(app.told).not.toContain('ready')
    }
  })

  test('P6 is told nothing by a start that fails', async () => {
    const app = start(
      `${GROUP}
      group.add(service('queue', { start: () => Promise.reject(new Error('no route')) }))
      await run(group)`,
      PM2,
    )
    expect(await app.ended).toBe(1)
    expect(app.told).not.toContain('ready')
  })

  test('P6 a message that repeats a signal, or a signal that repeats a message, forces nothing', async () => {
    const app = start(
      `${GROUP}
      group.add(service('queue', { stop: () => new Promise(resolve => setTimeout(resolve, 800)) }))
      await run(group)`,
      PM2,
    )
    await app.tells('ready')
    app.child.send('shutdown')
    app.child.send('shutdown')
    app.child.kill('SIGINT')
    expect(await app.ended).toBe(0)
    expect(app.told.join('\n')).toMatch(/shop stopped gracefully/)
  })

  test('P6 that is gone: the closed channel neither ends the group nor is an error', async () => {
    const app = start(
      `${GROUP}
      group.add(service('queue', { start: () => new Promise(resolve => {
        process.once('disconnect', () => setTimeout(() => { say('gone'); resolve() }, 100))
        say('waiting')
      }) }))
      void group.ready.then(() => say('all ready'))
      await run(group)`,
      PM2,
    )
    await app.tells('waiting')
    app.child.disconnect()
    await app.tells('all ready')
    app.child.kill('SIGTERM')
    expect(await app.ended).toBe(0)
    expect(app.told.join('\n')).not.toMatch(/EPIPE|ERR_IPC|uncaught/)
  })

  test('P6 an open channel does not keep a process alive whose group is over', async () => {
    const app = start(
      `${GROUP}
      void group.ready.then(() => group.stop())
      await run(group)
      say('over ' + process.listenerCount('message'))`,
      PM2,
    )
    expect(await app.ended).toBe(0)
    expect(app.told).toContain('over 0')
    expect(app.told.join('\n')).not.toContain('still')
  })
})
