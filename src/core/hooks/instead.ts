import { isObservable } from 'rxjs'
import { isObjectLike } from '../foreign.ts'
import { show } from '../options.ts'

type Thing = Readonly<Record<string, unknown>>

const has = (thing: Thing, ...methods: readonly string[]): boolean =>
  methods.every(method => typeof thing[method] === 'function')

/** An Observable of another library, or of another copy of RxJS. */
export const isInteropObservable = (thing: unknown): boolean => {
  const key = (Symbol as { readonly observable?: symbol }).observable ?? '@@observable'
  return typeof (thing as Record<string | symbol, unknown>)[key] === 'function'
}

/** Things that are added to a group by mistake, each with its remedy. The first that fits counts. */
const INSTEAD: readonly (readonly [is: (thing: Thing) => boolean, what: string, instead: string])[] = [
  [thing => isObservable(thing) || isInteropObservable(thing), 'an Observable', 'fromObservable("name", source$)'],
  [thing => has(thing, 'handle', 'use', 'set'), 'an express app', HTTP('app')],
  [
    thing => has(thing, 'listen', 'inject', 'register'),
    'a fastify app',
    `${HTTP('app.server')}, after await app.ready()`,
  ],
  [thing => has(thing, 'listen', 'callback', 'use'), 'a koa app', HTTP('app.callback()')],
  [
    thing => has(thing, 'fetch', 'route'),
    'a hono app',
    `${HTTP('getRequestListener(app.fetch)')} with @hono/node-server`,
  ],
  [
    thing => has(thing, 'bindAsync', 'addService'),
    'a gRPC server',
    'grpc("rpc", server => ...) of rx-service-group/grpc',
  ],
  [thing => has(thing, 'listen', 'closeAllConnections'), 'an HTTP server', HTTP('server')],
  [thing => has(thing, 'listen', 'updateSettings'), 'an HTTP/2 server', HTTP('server')],
  [
    thing => has(thing, 'listen', 'close', 'address'),
    'a server',
    'service("name", { start, stop }) that listens and closes it',
  ],
  [thing => has(thing, 'then'), 'a promise', 'job("name", async () => ...)'],
  [thing => Array.isArray(thing), 'an array', 'add() for each of them'],
  [isClass, 'a class', 'add(new Name())'],
  [
    thing => typeof thing === 'function',
    'a function',
    'task("name", fn), or job("name", fn) when others wait for its end',
  ],
  [thing => has(thing, 'stop') || has(thing, 'close'), 'an object without start()', 'service("name", { start, stop })'],
]

function HTTP(target: string): string {
  return `http("name", ${target}) of rx-service-group/http`
}

/** A gRPC server has a `start()` that is no hook. */
export function isGrpcServer(thing: object): boolean {
  return has(thing as Thing, 'bindAsync', 'addService')
}

function isClass(thing: Thing): boolean {
  return typeof thing === 'function' && /^class\b/.test(Function.prototype.toString.call(thing))
}

/** The kind of a thing, and what to add in its place, for the text of an error. */
export const whatInstead = (thing: unknown): string => {
  const found = isObjectLike(thing) ? INSTEAD.find(([is]) => is(thing as Thing)) : undefined
  if (found) return `${found[1]}; use ${found[2]}`
  return `${show(thing)}; give a Service, or an object with start() and stop()`
}
