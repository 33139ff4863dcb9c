/** Methods that go through a whole array, or copy it. */
const WHOLE: readonly string[] = [
  ...['map', 'filter', 'forEach', 'flatMap', 'some', 'every', 'find', 'findIndex', 'findLast', 'reduce', 'includes'],
  ...['indexOf', 'slice', 'concat', 'join', 'reverse', 'toReversed', 'sort', 'toSorted', 'flat', 'shift', 'unshift'],
  ...['splice', 'fill'],
]

const ITERATORS: readonly { next(): unknown }[] = [[].values(), new Map().values(), new Set().values()].map(
  iterator => Object.getPrototypeOf(iterator) as { next(): unknown },
)

type Method = (this: { readonly length: number }, ...args: unknown[]) => unknown

let steps = 0

/** An object each of whose properties counts as a step when it is read. */
export const watched = <T extends object>(object: T): T =>
  Object.defineProperties(
    {},
    Object.fromEntries(
      Object.entries(object).map(([key, value]) => [
        key,
        {
          enumerable: true,
          get: () => {
            steps++
            return value
          },
        },
      ]),
    ),
  ) as T

/**
 * How many steps something takes: reads of what is watched, and elements of lists, maps and sets that are gone through
 * or copied, by whatever code. A number that is the same on every machine.
 */
export const stepsOf = (run: () => void): number => {
  const list = Array.prototype as unknown as Record<string, Method>
  const methods = WHOLE.map(name => [name, list[name]!] as const)
  const nexts = ITERATORS.map(prototype => [prototype, prototype.next] as const)
  const forEach = Map.prototype.forEach
  for (const [name, method] of methods)
    list[name] = function (...args) {
      steps += this.length
      return Reflect.apply(method, this, args)
    }
  for (const [prototype, next] of nexts)
    prototype.next = function () {
      steps++
      return Reflect.apply(next, this, [])
    }
  Map.prototype.forEach = function (...args) {
    steps += this.size
    return Reflect.apply(forEach, this, args)
  }
  steps = 0
  try {
    run()
    return steps
  } finally {
    for (const [name, method] of methods) list[name] = method
    for (const [prototype, next] of nexts) prototype.next = next
    Map.prototype.forEach = forEach
  }
}

/** How many bytes something allocates: the middle of many runs, as a collection may come in between. */
export const bytesOf = (run: () => void, times = 101): number => {
  const taken = Array.from({ length: times }, () => {
    const before = process.memoryUsage().heapUsed
    run()
    return process.memoryUsage().heapUsed - before
  })
  return taken.sort((a, b) => a - b)[times >> 1]!
}
