import type avvio from 'avvio'
import type { Layer } from 'effect'
import { type Library, libraryOf } from './library.ts'

/** Starts and stops so many services that do nothing; returns how many starts and stops there were. */
export type Contender = (count: number) => Promise<number>

const ours =
  ({ service, serviceGroup }: Library): Contender =>
  async count => {
    let calls = 0
    let statuses = 0
    const call = (): void => {
      calls++
    }
    const group = serviceGroup('bench')
    for (let n = 0; n < count; n++) group.add(service(`s${n}`, { start: call, stop: call }))
    group.status$.subscribe(() => statuses++)
    await group.start()
    await group.stop()
    if (statuses < 4 * count) throw new Error(`only ${statuses} statuses`)
    return calls
  }

/** The floor: nothing but the calls, in order and back. */
const bareLoop: Contender = async count => {
  let calls = 0
  const call = async (): Promise<void> => {
    calls++
  }
  const services = Array.from({ length: count }, () => ({ start: call, stop: call }))
  for (const { start } of services) await start()
  for (const { stop } of services.reverse()) await stop()
  return calls
}

/** Each layer provided to the next: built in order, released in reverse. */
const effectLayers =
  ({ Effect, Layer }: typeof import('effect')): Contender =>
  async count => {
    let calls = 0
    const call = Effect.sync(() => {
      calls++
    })
    const layers = Array.from({ length: count }, () => Layer.effectDiscard(Effect.acquireRelease(call, () => call)))
    // In pairs, and pairs of pairs: one long chain would overflow the stack when it is built.
    const chain = (from: number, to: number): Layer.Layer<never> => {
      if (to - from === 1) return layers[from]!
      const middle = (from + to) >> 1
      return Layer.provideMerge(chain(middle, to), chain(from, middle))
    }
    await Effect.runPromise(Effect.scoped(Layer.build(chain(0, count))))
    return calls
  }

/** What Effect's layers stand on: one scope with a finalizer for each. */
const effectScope =
  ({ Effect }: typeof import('effect')): Contender =>
  async count => {
    let calls = 0
    const call = Effect.sync(() => {
      calls++
    })
    const services = Array.from({ length: count }, () => Effect.acquireRelease(call, () => call))
    await Effect.runPromise(Effect.scoped(Effect.forEach(services, service => service, { discard: true })))
    return calls
  }

interface Server {
  onClose(hook: () => Promise<void>): unknown
}

/** Plugins and hooks that are asynchronous: those that call back at once overflow avvio's stack. */
const plugins =
  (boot: typeof avvio): Contender =>
  async count => {
    let calls = 0
    const app = boot()
    for (let n = 0; n < count; n++)
      app.use(async (instance: Server) => {
        calls++
        instance.onClose(async () => {
          calls++
        })
      })
    await app.ready()
    await new Promise<void>(resolve => app.close(() => resolve()))
    return calls
  }

/** Each loads only what it needs, so that a cold process holds no other library. `dist`: another build of ours. */
export const contenders: Readonly<Record<string, (dist?: string) => Promise<Contender>>> = {
  'rx-service-group': async dist => ours(await libraryOf(dist)),
  'Effect layers': async () => effectLayers(await import('effect')),
  'Effect scope': async () => effectScope(await import('effect')),
  avvio: async () => plugins((await import('avvio')).default),
  'bare loop': async () => bareLoop,
}
