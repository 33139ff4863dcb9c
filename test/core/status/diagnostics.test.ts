import { execFile } from 'node:child_process'
import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { type ServiceGroup, service, serviceGroup, type TransitionMessage } from 'rx-service-group'
import { afterEach, expect, test } from 'vitest'

const CHANNEL = 'rx-service-group:transition'
const listeners: ((message: unknown) => void)[] = []

const listen = (to: (message: TransitionMessage) => void): void => {
  const listener = to as (message: unknown) => void
  listeners.push(listener)
  subscribe(CHANNEL, listener)
}

afterEach(() => {
  for (const listener of listeners.splice(0)) unsubscribe(CHANNEL, listener)
})

const nested = (): ServiceGroup =>
  serviceGroup('shop').add(serviceGroup('workers').add(service('mailer', {}))) as unknown as ServiceGroup

/** Runs code as a module in a process of its own; what it prints as JSON. */
const inNode = async (code: string): Promise<unknown> => {
  const { stdout } = await promisify(execFile)(process.execPath, ['--input-type=module', '-e', code], {
    cwd: fileURLToPath(new URL('../..', import.meta.url)),
  })
  return JSON.parse(stdout)
}

test('who subscribes to the channel is told each transition of the outermost group once, in order', async () => {
  const messages: TransitionMessage[] = []
  const told: string[] = []
  listen(message => {
    messages.push(message)
    told.push(`${message.event.path} ${message.event.state.phase}`)
  })
  const group = nested()
  await group.start()
  await group.stop()
  expect(told).toEqual([
    'shop starting',
    'shop/workers starting',
    'shop/workers/mailer starting',
    'shop/workers/mailer running',
    'shop/workers running',
    'shop running',
    'shop running',
    'shop/workers running',
    'shop/workers/mailer running',
    'shop stopping',
    'shop/workers stopping',
    'shop/workers/mailer stopping',
    'shop/workers/mailer stopped',
    'shop/workers stopped',
    'shop stopped',
  ])
  for (const { event, status } of messages)
    expect([status.name, status.seq, status.service(event.path)?.state]).toEqual(['shop', event.seq, event.state])
})

test('what a subscriber causes comes after what it was told, for the others too', async () => {
  const seqs: number[] = []
  const others: number[] = []
  const group = nested()
  group.events$.subscribe(({ seq, kind }) => void (kind === 'transition' && others.push(seq)))
  listen(({ event }) => {
    seqs.push(event.seq)
    if (event.path === 'shop/workers/mailer' && event.state.phase === 'running') void group.stop()
  })
  await group.start().catch(() => 'it was stopped')
  await group.stop()
  expect(seqs.length).toBeGreaterThan(8)
  expect(seqs).toEqual(seqs.toSorted((a, b) => a - b))
  expect(others).toEqual(seqs)
})

test('one that subscribes before the package is loaded is told, and nobody had to wire anything', async () => {
  const phases = await inNode(`
    import { subscribe } from 'node:diagnostics_channel'
    const phases = []
    subscribe('${CHANNEL}', ({ event }) => phases.push(event.state.phase))
    const { serviceGroup } = await import('rx-service-group')
    await serviceGroup('shop').start()
    console.log(JSON.stringify(phases))`)
  expect(phases).toEqual(['starting', 'running'])
})

test.each([
  'delete process.getBuiltinModule',
  'delete globalThis.process',
  'process.getBuiltinModule = () => undefined',
])('where there is no such channel a group lives all the same: %s', async without => {
  const phase = await inNode(`
    const { serviceGroup } = await import('rx-service-group')
    const log = console.log
    ${without}
    const group = serviceGroup('shop')
    await group.start()
    log(JSON.stringify(group.status.phase))`)
  expect(phase).toBe('running')
})
