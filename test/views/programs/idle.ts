/**
 * A group on a terminal in a process that does nothing but wait. Now and then it prints a line, or a service changes.
 * It ends with how late each was seen, measured at the write: see terminal-idle.test.ts.
 */
import { type ServiceContext, service, serviceGroup } from 'rx-service-group'
import { terminal } from 'rx-service-group/terminal'

const LOOKS = 40
/** Longer than any turn of the spinner, and never the same, so that no timer falls together with another. */
const pauseOf = (look: number): number => 90 + (look % 7) * 11

let db: ServiceContext | undefined
const group = serviceGroup('shop').add(
  service('db', {
    start: context => {
      db = context
    },
  }),
)

/** When each text was written to the terminal, by whomever. */
const writes: { readonly text: string; readonly at: number }[] = []
const { write } = process.stdout
process.stdout.write = ((...args: Parameters<typeof write>): boolean => {
  writes.push({ text: String(args[0]), at: performance.now() })
  return Reflect.apply(write, process.stdout, args)
}) as typeof write

const wait = (ms: number): Promise<void> => new Promise(resolve => setTimeout(resolve, ms))

const view = terminal(group)
await group.start()
db?.setHealth('warn', 'change 0')
while (!writes.some(({ text }) => text.includes('change 0'))) await wait(10)

const late: number[] = []
let change = 0
for (let look = 0; look < LOOKS; look++) {
  await wait(pauseOf(look))
  const from = writes.length
  const at = performance.now()
  if (look % 2 === 0) console.log(`a line of its own ${look}`)
  else db?.setHealth('warn', `change ${++change}`)
  const sought = `change ${change}`
  await wait(pauseOf(look + 1))
  late.push((writes.slice(from).find(({ text }) => text.includes(sought))?.at ?? Infinity) - at)
}
view.unsubscribe()
await group.stop()
console.log(`late: ${JSON.stringify(late.map(ms => Math.round(ms)))}`)
