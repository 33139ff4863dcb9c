import type { Duplex, Readable, Writable } from 'node:stream'

const sources = new WeakMap<object, Readable>()
const fronts = new WeakMap<object, Writable>()
const ended = new WeakSet<Readable>()

/** Remembers what is piped into an answer, as long as it is. `front`: what the app writes to. */
export const rememberSource = (answer: object, front: Writable, source: Readable): void => {
  sources.set(answer, source)
  front.once('unpipe', () => sources.delete(answer))
}

/** Remembers what the app writes to, where that is not the answer itself. */
export const rememberFront = (answer: object, front: Writable): void => void fronts.set(answer, front)

/**
 * Ends an answer that has no end of its own, so that the app sees a regular end. What is piped into it is ended, so
 * that `await pipeline(events, response)` resolves. Otherwise the answer itself is.
 */
export const endAnswer = (answer: Writable): void => {
  const source = sources.get(answer)
  if (source && typeof source.push === 'function' && !source.destroyed) return endSource(source)
  endPipelineOf(fronts.get(answer) ?? answer)
  // The app does not know yet, and an event written now would be an uncaught error.
  answer.on('error', () => {})
  answer.end()
}

/** Data it has taken still comes through; data that the app adds from now on is dropped. */
const endSource = (source: Readable | Duplex): void => {
  if (ended.has(source)) return
  ended.add(source)
  if ('end' in source && source.writable) {
    source.write = () => true
    source.end()
    return
  }
  // An answer of another server is not over for Node until its connection is.
  source.once('end', () => setImmediate(() => source.destroy()))
  source.push(null)
  source.push = () => false
}

/**
 * `pipeline(generator, answer)` asks the generator for events and writes them. It can't be told to end, and a write
 * that fails rejects it. A write that throws makes it close the generator, and `undefined` is no error to it. Before
 * the answer is finished it would destroy it, so that it is told to wait until then.
 */
const endPipelineOf = (front: Writable): void => {
  const write = front.write as (...args: unknown[]) => boolean
  let finished = false
  front.once('finish', () => {
    finished = true
  })
  front.write = (...args: unknown[]) => {
    if (!isWrittenByPipeline()) return write.apply(front, args)
    if (finished) throw undefined
    return false
  }
}

const isWrittenByPipeline = (): boolean =>
  /\bpumpToNode \(node:internal\/streams\/pipeline/.test(new Error().stack ?? '')
