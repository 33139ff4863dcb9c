import { existsSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname } from 'node:path'
import { startApp } from 'rx-service-group/testing/process'
import { describe, expect, test } from 'vitest'
import { scripts } from '../../support/scripts.ts'

const script = scripts()
const shop = script(`
  import { run, service, serviceGroup } from 'rx-service-group'
  import { http } from 'rx-service-group/http'
  const api = http('api', (_, response) => setTimeout(() => response.end('hello'), 100), { host: '127.0.0.1' })
  console.log('arguments: ' + process.argv.slice(2) + ', ' + process.env.COLOUR)
  await run(serviceGroup('shop').add(service('db', {})).add(api))
`)
const stuck = script(`
  import { run, service, serviceGroup } from 'rx-service-group'
  const never = () => new Promise(() => {})
  console.log('records to ' + process.env.RX_SERVICE_GROUP_RECORDINGS)
  await run(serviceGroup('shop').add(service('db', { start: never }))
    .add(service('api', {})))
`)
const isAlive = (pid: number) => {
  try {
    return process.kill(pid, 0)
  } catch {
    return false
  }
}

describe('an app', () => {
  test('is ready when its group is, drains at a signal, and tells its exit code and report', async () => {
    await using app = await startApp(shop, { args: ['a', 'b'], env: { COLOUR: 'red' } })
    expect(app.output).toContain('arguments: a,b, red')
    expect(app.status.ready).toBe(true)
    const url = String(app.status.service('shop/api')?.state.info?.['url'])
    const answer = fetch(url)
    await app.until(status => status.service('shop/api')?.state.phase === 'running')
    const text = await (await answer).text()
    const end = await app.stop('SIGTERM')
    expect(text).toBe('hello')
    expect(end).toMatchObject({ code: 0, signal: null, killed: false, orphans: false })
    expect(end.report).toMatchObject({ group: 'shop', ok: true, trigger: { by: 'signal', signal: 'SIGTERM' } })
    expect(end.report?.services.map(({ path }) => path)).toEqual(['shop/db', 'shop/api'])
    expect(end.output).toContain('shop stopped gracefully')
    expect(app.status.group.state.phase).toBe('stopped')
  })

  test('can be a command, such as an npm script', async () => {
    await using app = await startApp(['sh', '-c', `node ${shop}; exit $?`])
    expect(app.status.ready).toBe(true)
    // The shell does not hand signals on.
    const { killed, report } = await app.kill()
    expect({ killed, report }).toEqual({ killed: true, report: undefined })
  })

  test('that does not get ready is killed; the error says who is not ready, and what it printed last', async () => {
    const starting = startApp(stuck, { readyTimeout: 1_500 })
    const error = await starting.then(() => 'ready', String)
    expect(error).toContain(`app "${stuck}": not ready within 1.5 s; `)
    expect(error).toContain('shop/db is starting')
    const [, folder = ''] = /its last output:\n {2}records to (.+)/.exec(error)!
    await expect(starting).rejects.toMatchObject({ code: 'ERR_APP_TIMEOUT' })
    expect([dirname(folder), existsSync(folder)]).toEqual([tmpdir(), false])
  })

  test('that dies before it is ready is an error with its exit code and last lines', async () => {
    const dying = startApp(script(`console.error('no config'); process.exit(3)`))
    await expect(dying).rejects.toMatchObject({ code: 'ERR_APP_ENDED' })
    await expect(dying).rejects.toThrow(/ended without being ready \(exit code 3\); its last output:\n {2}no config/)
    await expect(startApp(['no-such-command'])).rejects.toMatchObject({ code: 'ERR_APP_ENDED' })
  })

  test('that runs no group is ready when its output says so', async () => {
    const plain = script(`console.log('listening'); setInterval(() => {}, 1_000)`)
    await expect(startApp(plain, { readyTimeout: 500 })).rejects.toThrow(/it has not begun to run\(\) a group/)
    await using app = await startApp(plain, { ready: /listening/ })
    expect(() => app.status).toThrow(expect.objectContaining({ code: 'ERR_NOT_STARTED' }))
    expect(await app.stop()).toMatchObject({ code: null, signal: 'SIGTERM', report: undefined, killed: false })
  })

  test('that hangs at its end is killed after stopTimeout', async () => {
    const hanging = script(`process.on('SIGTERM', () => {}); console.log('up'); setInterval(() => {}, 1_000)`)
    await using app = await startApp(hanging, { ready: /up/, stopTimeout: 200 })
    expect(await app.stop()).toMatchObject({ signal: 'SIGKILL', killed: true })
  })

  test('never outlives its block, nor does what it has started', async () => {
    const parent = script(`
      import { spawn } from 'node:child_process'
      const child = spawn(process.execPath, ['-e', 'setInterval(() => {}, 1000)'], { stdio: 'inherit' })
      console.log('child ' + child.pid)
      setInterval(() => {}, 1_000)
    `)
    let pids: readonly number[] = []
    const failing = async () => {
      await using app = await startApp(parent, { ready: /child \d+/ })
      pids = [app.pid, Number(/child (\d+)/.exec(app.output)![1])]
      throw new Error('the test has failed')
    }
    await expect(failing()).rejects.toThrow('the test has failed')
    for (const pid of pids) await expect.poll(() => isAlive(pid)).toBe(false)
  })

  test('that leaves processes behind tells so', async () => {
    const parent = script(`
      import { spawn } from 'node:child_process'
      spawn(process.execPath, ['-e', 'setInterval(() => {}, 1000)'], { stdio: 'inherit' }).unref()
      console.log('up')
      setTimeout(() => process.exit(), 50)
    `)
    await using app = await startApp(parent, { ready: /up/ })
    expect(await app.ended).toMatchObject({ code: 0, orphans: true })
  })

  test('of several groups is ready when all are, and has a report of each', async () => {
    const two = script(`
      import { run, service, serviceGroup } from 'rx-service-group'
      const slow = () => new Promise(resolve => setTimeout(resolve, 100))
      run(serviceGroup('fast').add(service('a', {})))
      run(serviceGroup('slow').add(service('b', { start: slow })))
    `)
    await using app = await startApp(two)
    const { reports } = await app.stop('SIGINT')
    expect(reports.map(({ group }) => group).toSorted()).toEqual(['fast', 'slow'])
  })

  test('does not hand its recording on to the processes that it starts', async () => {
    const supervisor = script(`
      import { run, serviceGroup } from 'rx-service-group'
      import { childProcess } from 'rx-service-group/child-process'
      await run(serviceGroup('outer').add(childProcess('inner', process.execPath, ['${shop}'])))
    `)
    await using app = await startApp(supervisor)
    const { reports } = await app.stop()
    expect(reports.map(({ group }) => group)).toEqual(['outer'])
  })

  test.each([{ args: 'a' }, { ready: 'up' }, { reddy: /up/ }, { readyTimeout: -1 }])('refuses %j', async options => {
    await expect(startApp(shop, options as never)).rejects.toMatchObject({ service: shop })
  })
})
