/** A group of three under `run`, whose behaviour is chosen by the first argument. It never calls exit. */
import { run, type ServiceHooks, service, serviceGroup, task } from 'rx-service-group'
import { log } from 'rx-service-group/log'

const [story = 'calm'] = process.argv.slice(2)
const hang = () => new Promise<never>(() => {})
const later = (act: () => void) => void setTimeout(act, 20)
const fail = (text: string) => () => Promise.reject(new Error(text))

interface Story {
  readonly queue?: ServiceHooks
  readonly api?: ServiceHooks
  readonly options?: Parameters<typeof run>[1]
  readonly stopTimeout?: number
}

const stories: Readonly<Record<string, Story>> = {
  calm: {},
  'failing start': { api: { start: fail('no route to host') } },
  'hanging start': { queue: { start: hang }, stopTimeout: 50, options: { forceTimeout: 50 } },
  'failing start, ready': { api: { start: fail('no route to host') } },
  'failing stop': { queue: { stop: fail('lost the key') } },
  'hanging stop': { queue: { stop: hang }, stopTimeout: 50, options: { forceTimeout: 50 } },
  'hanging until forced': {
    queue: { stop: ({ signal }) => new Promise<void>(resolve => signal.addEventListener('abort', () => resolve())) },
  },
  'hanging whole': { queue: { drain: hang, stop: hang }, options: { shutdownTimeout: 80, forceTimeout: 50 } },
  'drain delay': { options: { drainDelay: 60_000 } },
  'short drain delay': { options: { drainDelay: 300 } },
  crash: {
    api: {
      start: () =>
        later(() => {
          throw new Error('out of cheese')
        }),
    },
  },
  rejection: { api: { start: () => later(() => void Promise.reject(new Error('broken promise'))) } },
  'late failure': { queue: { start: ({ fail }) => later(() => fail(new Error('connection lost'))) } },
  'main ends': { queue: { start: () => void setInterval(() => {}, 1_000) } },
  'left open': { queue: { start: () => void setInterval(() => {}, 1_000) } },
}

const { queue = {}, api = {}, options = {}, stopTimeout } = stories[story] ?? {}
const group = serviceGroup('shop')
  .add(service('db', {}))
  .add(service('queue', queue), stopTimeout === undefined ? {} : { stopTimeout })
  .add(service('api', api))

const ours = () => {}
process.on('SIGTERM', ours)
log(group)
// Nobody catches its rejection.
if (story.endsWith('ready')) void group.ready.then(() => console.log('the group is ready'))
if (story === 'empty') await run(serviceGroup('nothing'))
else if (story === 'tasks')
  await run(serviceGroup('work').add(task('count', () => {})), { report: r => console.log(r.outcome) })
else if (story === 'main ends')
  await run(
    group.add(
      task('main', () => new Promise(resolve => setTimeout(resolve, 20))),
      { onEnd: 'stop-group' },
    ),
  )
else await run(group, options)
process.off('SIGTERM', ours)
for (const event of ['SIGTERM', 'SIGINT', 'uncaughtException', 'unhandledRejection'])
  if (process.listenerCount(event) > 0) console.log(`a handler of ${event} is left`)
console.log('the end')
