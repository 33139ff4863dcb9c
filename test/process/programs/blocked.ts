/** A group under `run` with a watchdog, whose event loop is blocked as the first argument says. It never calls exit. */
import { existsSync, writeSync } from 'node:fs'
import { type RunOptions, run, type ServiceHooks, service, serviceGroup, task } from 'rx-service-group'

const [story = 'calm', flag = ''] = process.argv.slice(2)
const WATCHDOG = { threshold: 500, killAfter: 500 }

const tell = (text: string): void => void writeSync(1, `${text}\n`)
/** The loop makes not a turn until this is so. */
const block = (until: () => boolean): void => {
  tell('blocked')
  while (!until());
  // The heartbeat that is due comes first.
  setTimeout(() => tell('unblocked, and a turn made'), WATCHDOG.threshold / 4)
}
const forEver = () => block(() => false)
const forSome = (ms: number) => () => {
  const end = performance.now() + ms
  block(() => performance.now() >= end)
}
const untilFlag = () => block(() => existsSync(flag))
/** Writes to standard error until it is full, and then waits in vain: in the call, or trying again. */
const neverRead = (): boolean => {
  try {
    writeSync(2, 'somebody should read this\n')
  } catch {}
  return false
}
const later = (ms: number, act: () => void) => void setTimeout(act, ms)
const soon = (act: () => void) => () => later(200, act)
const slowly = () => new Promise<void>(resolve => later(2 * WATCHDOG.killAfter, resolve))

interface Story {
  readonly orders?: ServiceHooks
  readonly options?: RunOptions
}

const stories: Readonly<Record<string, Story>> = {
  calm: {},
  'for ever': {
    orders: {
      start: ({ setHealth }) => {
        setHealth('warn', 'slow disk')
        later(200, forEver)
      },
    },
  },
  'for ever in start': { orders: { start: forEver } },
  'for ever in stop': { orders: { stop: forEver } },
  'until the flag': { orders: { start: soon(untilFlag) } },
  'until the flag, slow to stop': {
    orders: {
      start: soon(untilFlag),
      stop: slowly,
    },
  },
  'on standard error': { orders: { start: soon(() => block(neverRead)) } },
  'until the flag in stop': {
    orders: {
      stop: () => {
        untilFlag()
        return slowly()
      },
    },
  },
  briefly: { orders: { start: soon(forSome(WATCHDOG.threshold * 0.4)) } },
  'under a debugger': { orders: { start: soon(forSome(WATCHDOG.threshold * 2)) } },
  'not asked for': { options: {} },
  off: { options: { watchdog: false } },
  'without a threshold': { options: { watchdog: { threshold: Infinity } } },
}

const threads = process.getBuiltinModule('node:worker_threads')
threads.Worker = class extends threads.Worker {
  constructor(...all: ConstructorParameters<typeof threads.Worker>) {
    super(...all)
    tell('a thread')
  }
}
const { orders = {}, options = { watchdog: WATCHDOG } } = stories[story] ?? {}
if (story === 'tasks') await run(serviceGroup('work').add(task('count', () => {})), { watchdog: true, report: false })
else {
  const group = serviceGroup('shop').add(service('db', {})).add(service('orders', orders)).add(service('api', {}))
  let told = false
  group.status$.subscribe(({ phase }) => {
    if (phase === 'running' && !told) tell('running')
    told ||= phase === 'running'
  })
  await run(group, options)
}
const alive = process.getActiveResourcesInfo().filter(kind => kind !== 'PipeWrap')
tell(`the end, alive because of: ${alive.join(', ')}`)
