import { fromObservable, type GroupStatus, type ServiceGroup, service, serviceGroup } from 'rx-service-group'
import { fakeService } from 'rx-service-group/testing'
import { mergeMap, type Observable } from 'rxjs'
import { type RunHelpers, TestScheduler } from 'rxjs/testing'
import { expect, test } from 'vitest'

// Under TestScheduler.run RxJS' own scheduler is virtual, and so is a group that is given no clock. Each hook is a cold
// Observable: its subscription shows when it was called, and when it was over or let go.

const inMarbles = (run: (helpers: RunHelpers) => void): void =>
  new TestScheduler((actual, expected) => expect(actual).toEqual(expected)).run(run)

/** A letter for each phase of the group; `l` while it runs but is leaving. */
const letters = { starting: 's', running: 'r', draining: 'd', drained: 'D', stopping: 'x', stopped: 'z', failed: 'F' }

const phases = (group: ServiceGroup<string>): Observable<string> => {
  let last = ''
  return group.status$.pipe(
    mergeMap(({ phase, group: { state } }: GroupStatus) => {
      const letter = state.phase === 'running' && state.leaving ? 'l' : letters[phase as keyof typeof letters]
      if (letter === last) return []
      last = letter
      return [letter]
    }),
  )
}

test('S1 T1 T3 T10 a whole start and shutdown: phases, and every hook in its turn', () => {
  inMarbles(({ cold, hot, expectObservable, expectSubscriptions }) => {
    const dbStart = cold('   ---|')
    const apiStart = cold('     --|')
    const stopped = hot('    ---------x')
    const apiDrain = cold('              ----|')
    const apiStop = cold('                   -|')
    const dbStop = cold('                     ------|')
    const status = '         s----r---l--d---(Dx)---(z|)'
    const group = serviceGroup('shop', { drainDelay: 3 })
      .add(service('db', { start: () => dbStart, stop: () => dbStop }))
      .add(service('api', { start: () => apiStart, drain: () => apiDrain, stop: () => apiStop }))
    stopped.subscribe(() => void group.stop())
    void group.start()

    expectObservable(phases(group)).toBe(status)
    expectSubscriptions(dbStart.subscriptions).toBe(' ^--!                    ')
    expectSubscriptions(apiStart.subscriptions).toBe('---^-!                  ')
    expectSubscriptions(apiDrain.subscriptions).toBe('------------^---!       ')
    expectSubscriptions(apiStop.subscriptions).toBe(' ----------------^!      ')
    expectSubscriptions(dbStop.subscriptions).toBe('  -----------------^-----!')
  })
})

test('S2 T2 a graph starts and stops side by side, as long as the longest path', () => {
  inMarbles(({ cold, hot, expectObservable, expectSubscriptions }) => {
    const db = { start: cold('--|'), stop: cold('-------|') }
    const cache = { start: cold('----|'), stop: cold('--|') }
    const api = { start: cold('--|'), stop: cold('-|') }
    const group = serviceGroup('shop')
      .add(service('api', { start: () => api.start, stop: () => api.stop }), { dependsOn: ['db', 'cache'] })
      .add(service('db', { start: () => db.start, stop: () => db.stop }), { dependsOn: [] })
      .add(service('cache', { start: () => cache.start, stop: () => cache.stop }), { dependsOn: [] })
    hot('---------x').subscribe(() => void group.stop())
    void group.start()

    expectObservable(phases(group)).toBe('           s-----r--(lx)----(z|)')
    expectSubscriptions(db.start.subscriptions).toBe('   ^-!')
    expectSubscriptions(cache.start.subscriptions).toBe('^---!')
    expectSubscriptions(api.start.subscriptions).toBe('  ----^-!')
    expectSubscriptions(api.stop.subscriptions).toBe('   ---------^!')
    expectSubscriptions(cache.stop.subscriptions).toBe(' ----------^-!')
    expectSubscriptions(db.stop.subscriptions).toBe('    ----------^------!')
  })
})

test('S5 a start that fails is rolled back by the same code', () => {
  inMarbles(({ cold, expectObservable, expectSubscriptions }) => {
    const db = { start: cold('--|'), stop: cold('---|') }
    const api = { start: cold('----#'), stop: cold('|') }
    const late = cold('|')
    const group = serviceGroup('shop')
      .add(service('db', { start: () => db.start, stop: () => db.stop }))
      .add(service('api', { start: () => api.start, stop: () => api.stop }))
      .add(service('late', { start: () => late }))
    group.start().catch(() => undefined)

    expectObservable(phases(group)).toBe('         s-----x--(F|)')
    expectSubscriptions(db.start.subscriptions).toBe(' ^-!')
    expectSubscriptions(api.start.subscriptions).toBe('--^---!')
    expectSubscriptions(db.stop.subscriptions).toBe('  ------^--!')
    expectSubscriptions(api.stop.subscriptions).toBe([])
    expectSubscriptions(late.subscriptions).toBe([])
  })
})

test('S8 S11 what is still starting when the group is stopped is unsubscribed', () => {
  inMarbles(({ cold, hot, expectObservable, expectSubscriptions }) => {
    const db = { start: cold('--|'), stop: cold('---|') }
    const api = { start: cold('---------|'), stop: cold('|') }
    const group = serviceGroup('shop')
      .add(service('db', { start: () => db.start, stop: () => db.stop }))
      .add(service('api', { start: () => api.start, stop: () => api.stop }))
    hot('-----x').subscribe(() => void group.stop())
    group.start().catch(() => undefined)

    expectObservable(phases(group)).toBe('         s----x--(z|)')
    expectSubscriptions(api.start.subscriptions).toBe('--^--!')
    expectSubscriptions(db.stop.subscriptions).toBe('  -----^--!')
    expectSubscriptions(api.stop.subscriptions).toBe([])
  })
})

test('T5 T7 deadlines: a drain, a stop and the whole shutdown are let go when their time is up', () => {
  inMarbles(({ cold, hot, expectObservable, expectSubscriptions }) => {
    const db = { stop: cold('-') }
    const cache = { drain: cold('-'), stop: cold('-') }
    const api = { stop: cold('-') }
    const group = serviceGroup('shop', { shutdownTimeout: 15 })
      .add(service('db', { stop: () => db.stop }))
      .add(service('cache', { drain: () => cache.drain, stop: () => cache.stop }), { drainTimeout: 4 })
      .add(service('api', { stop: () => api.stop }), { stopTimeout: 5 })
    hot('--x').subscribe(() => void group.stop())
    void group.start()

    expectObservable(phases(group)).toBe('           r-(ld)(Dx)-------(z|)')
    expectSubscriptions(cache.drain.subscriptions).toBe('--^--------!')
    expectSubscriptions(api.stop.subscriptions).toBe('   ------^----!')
    expectSubscriptions(cache.stop.subscriptions).toBe(' -----------^-----!')
    // Under force a stop is called with an aborted signal: an Observable is let go in the same tick.
    expectSubscriptions(db.stop.subscriptions).toBe('    -----------------(^!)')
  })
})

test('T1 an Observable as a service is unsubscribed at its own turn, and its error is a failure', () => {
  inMarbles(({ cold, hot, expectObservable, expectSubscriptions }) => {
    const ticks = cold('-t-t-t-t-t-t-t-t')
    const orders = { stop: cold('----|') }
    const group = serviceGroup('shop')
      .add(fromObservable('ticks', ticks))
      .add(service('orders', { stop: () => orders.stop }))
    hot('----x').subscribe(() => void group.stop())
    void group.start()
    expectObservable(phases(group)).toBe('        r---(lx)(z|)')
    expectSubscriptions(ticks.subscriptions).toBe('      ^-------!')
    expectSubscriptions(orders.stop.subscriptions).toBe('----^---!')
  })
  inMarbles(({ cold, expectObservable, expectSubscriptions }) => {
    const ticks = cold('-t-t-#')
    const db = { stop: cold('------|') }
    const group = serviceGroup('shop')
      .add(service('db', { stop: () => db.stop }))
      .add(fromObservable('ticks', ticks))
    void group.start()
    expectObservable(phases(group)).toBe('    r----(lx)--(F|)')
    expectSubscriptions(ticks.subscriptions).toBe('  ^----!')
    expectSubscriptions(db.stop.subscriptions).toBe('-----^-----!')
  })
})

test('T6 the fake service works in a diagram as well', () => {
  inMarbles(({ hot, expectObservable }) => {
    const fake = { returns: 'observable', unready: 'absent', drain: 'absent', force: 'absent' } as const
    const group = serviceGroup('shop')
      .add(fakeService('db', { ...fake, start: 2, stop: 4 }), { stopTimeout: 5 })
      .add(fakeService('api', { ...fake, start: 3, stop: 4 }), { stopTimeout: 5 })
    hot('-------x').subscribe(() => void group.stop())
    void group.start()
    expectObservable(phases(group)).toBe('s----r-(lx)----(z|)')
  })
})
