import { type GroupOptions, type Report, type ServiceGroup, serviceGroup } from 'rx-service-group'
import {
  type FakeOptions,
  type FakeService,
  fakeService,
  type VirtualTime,
  virtualTime,
} from 'rx-service-group/testing'
import { config } from 'rxjs'

/** A group called `shop` under virtual time. */
export const shopUnderVirtualTime = (
  options: GroupOptions = {},
): { readonly time: VirtualTime; readonly shop: ServiceGroup<'shop'> } => {
  const time = virtualTime()
  return { time, shop: serviceGroup('shop', { clock: time, ...options }) }
}

/** A fake with nothing but start and stop: what has no drain shows shorter traces. */
export const plain = <const Name extends string>(name: Name, options: FakeOptions = {}): FakeService<Name> =>
  fakeService(name, { unready: 'absent', drain: 'absent', force: 'absent', ...options })

/** What a promise is rejected with; a promise that is not is an error. */
export const rejectionOf = async (promise: Promise<unknown>): Promise<unknown> =>
  promise.then(
    value => {
      throw new Error(`expected a rejection, not ${String(value)}`)
    },
    error => error,
  )

/** Tells whether a promise has settled, and how. */
export const watch = (promise: Promise<unknown>): { readonly now: 'pending' | 'resolved' | 'rejected' } => {
  const watched: { now: 'pending' | 'resolved' | 'rejected' } = { now: 'pending' }
  promise.then(
    () => {
      watched.now = 'resolved'
    },
    () => {
      watched.now = 'rejected'
    },
  )
  return watched
}

/** Runs something and gives what RxJS would report as uncaught one tick later. */
export const uncaughtDuring = async (run: () => unknown): Promise<readonly unknown[]> => {
  const before = config.onUnhandledError
  const uncaught: unknown[] = []
  config.onUnhandledError = error => uncaught.push(error)
  try {
    await run()
    // RxJS reports by a timer of 0 ms; one that is set later fires later.
    await new Promise(resolve => setTimeout(resolve))
    return uncaught
  } finally {
    config.onUnhandledError = before
  }
}

export const asked = (fake: FakeService): readonly string[] => fake.asked.map(({ hook }) => hook)

export const outcomes = (report: Report): Readonly<Record<string, string>> =>
  Object.fromEntries(report.services.map(({ path, outcome }) => [path, outcome]))

/** The lines of one service, without its path. */
export const linesOf = (lines: readonly string[], path: string): readonly string[] =>
  lines.filter(line => line.startsWith(`${path} `)).map(line => line.slice(path.length + 1))
