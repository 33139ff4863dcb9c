import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { type ChannelModel, connect } from 'amqplib'
import { settled } from '../../../src/services/amqp/consumer/settling.ts'
import { acts, type Crew, type Victim } from './acts.ts'
import { judge, type Verdict } from './ledger.ts'
import type { Numbered } from './message.ts'
import { type Child, startProcess } from './process.ts'
import { chanceFrom } from './random.ts'

export interface ChaosOptions {
  readonly seed: number
  readonly messages: number
  /** How many the producer publishes a second, at most. */
  readonly perSecond: number
  readonly consumers: number
  readonly queue: 'classic' | 'quorum'
  /** The longest pause between two things that happen, in milliseconds. */
  readonly pause: number
  /** Whether each kind of thing happens but once, or all goes on until everything is published. */
  readonly once: boolean
  readonly say: (line: string) => void
}

/** How a process that was told to end did so. */
export interface Ending {
  readonly who: string
  /** Milliseconds from SIGTERM to the end of the process. */
  readonly took: number
  /** Milliseconds that the broker took meanwhile to answer someone who asks for what a stopping consumer does. */
  readonly brokerTook: number
  /** Whether nothing was done to the broker when it was told, nor shortly before. */
  readonly served: boolean
  readonly outcome: string
}

export interface Chaos {
  readonly verdict: Verdict
  readonly endings: readonly Ending[]
  /**
   * From the loss of a connection, or from when the broker served again, until a consumer consumed again: the longest,
   * in milliseconds.
   */
  readonly againAfterLoss: readonly number[]
  readonly happened: Readonly<Record<string, number>>
  /** What ended though nobody told it to, and how. */
  readonly astray: readonly string[]
  /** What is left in the queue though all is done. */
  readonly left: number
  readonly seconds: number
}

interface Consumer {
  readonly name: string
  readonly prefetch: number
  readonly file: string
  readonly child: Child
}

/** A broker that was just restarted or thawed is busy with what it missed: for so long, in milliseconds. */
const RECOVERY = 2000

/** Nothing has come for so long: what has not come by now is lost. */
const PATIENCE = 20_000

export const chaos = async (broker: Victim, options: ChaosOptions): Promise<Chaos> => {
  const { seed, messages, perSecond, say } = options
  const chance = chanceFrom(seed)
  const home = mkdtempSync(join(tmpdir(), 'chaos-'))
  const queue = `numbers-${seed}`
  const begunAt = performance.now()
  const seconds = () => (performance.now() - begunAt) / 1000
  const tell = (line: string) => say(`${seconds().toFixed(1).padStart(6)} s  ${line}`)

  const all: Consumer[] = []
  const living = new Set<Consumer>()
  const endings: Ending[] = []
  const happened: Record<string, number> = {}
  const astray: string[] = []
  let faulty = false
  let servedSince = 0
  let over = false

  const linesOf = (file: string): string[] => {
    try {
      return readFileSync(file, 'utf8').split('\n').slice(0, -1)
    } catch {
      return []
    }
  }

  const startConsumer = (): void => {
    const name = `consumer ${all.length + 1}`
    const prefetch = chance.pick([1, 3, 10, 50, 200])
    const concurrency = chance.pick([1, Math.ceil(prefetch / 3), prefetch])
    const file = join(home, name.replace(' ', '-'))
    const child = startProcess('consumer-process.ts', [broker.url, queue, options.queue, prefetch, concurrency, file])
    const consumer: Consumer = {
      name: `${name} (prefetch ${prefetch}, ${concurrency} at a time)`,
      prefetch,
      file,
      child,
    }
    all.push(consumer)
    living.add(consumer)
    void child.ended.then(({ code, signal }) => {
      living.delete(consumer)
      if (child.told || over) return
      const how = linesOf(file).at(-1) ?? 'it wrote nothing'
      astray.push(`${consumer.name}: ${signal ?? code}, ${how}`)
      tell(`${consumer.name} ended by itself: ${signal ?? code}, ${how}`)
      startConsumer()
    })
  }

  const producerFile = join(home, 'producer')
  writeFileSync(producerFile, '')
  let producers = 0
  let producing = false
  let producer: Child | undefined
  const startProducer = (): void => {
    producing = true
    producers++
    const child = startProcess('producer-process.ts', [broker.url, queue, messages, perSecond, producers, producerFile])
    producer = child
    void child.ended.then(({ code, signal }) => {
      if (child !== producer) return
      producing = false
      if (child.told || over) return
      if (code === 0) return tell('the producer has all confirmed, and ended')
      astray.push(`producer: ${signal ?? code}`)
      startProducer()
    })
  }

  const isConsuming = ({ file, child }: Consumer): boolean =>
    child.told === undefined &&
    linesOf(file)
      .findLast(line => /^(up|down) /.test(line))
      ?.startsWith('up') === true

  const look = async <T>(at: (connection: ChannelModel) => Promise<T>): Promise<T> => {
    const connection = await connect(broker.url, { timeout: 5000 })
    connection.on('error', () => undefined)
    try {
      return await at(connection)
    } finally {
      await connection.close().catch(() => undefined)
    }
  }
  const depth = () =>
    look(async connection => {
      const channel = await connection.createChannel()
      const { messageCount } = await channel.checkQueue(queue)
      return messageCount
    })

  /** Asks for what a stopping consumer asks for at the end: an answer behind its acknowledgements, and to be closed. */
  const comeAndGo = async (): Promise<number> => {
    const from = performance.now()
    const asking = look(async connection => settled(await connection.createChannel(), queue, Number.POSITIVE_INFINITY))
    await asking.catch(() => undefined)
    return performance.now() - from
  }

  const endProcess = async (
    { name, file, child }: Pick<Consumer, 'name' | 'file' | 'child'>,
    signal: 'SIGTERM' | 'SIGKILL',
  ): Promise<string> => {
    const hindered = faulty || performance.now() - servedSince < RECOVERY
    child.tell(signal)
    const brokerTook = signal === 'SIGTERM' ? comeAndGo() : undefined
    const { took = 0, code } = await child.ended
    if (signal === 'SIGKILL') return name
    const end = linesOf(file)
      .findLast(line => line.startsWith('end '))
      ?.split(' ')
    const outcome = end ? end.slice(2).join(' ').replaceAll(' -', '') : `it wrote no end, code ${code}`
    const served = !hindered && end?.[2] === 'stopped'
    endings.push({ who: name, took, served, outcome, brokerTook: served ? ((await brokerTook) ?? 0) : 0 })
    return `${name}: ${outcome} after ${took.toFixed(0)} ms`
  }

  const crew: Crew = {
    end: async (who, signal) => {
      if (who === 'producer' && producer && producing) {
        const came = await endProcess({ name: `producer ${producers}`, file: producerFile, child: producer }, signal)
        startProducer()
        return came
      }
      const able = [...living].filter(isConsuming)
      if (able.length === 0) return 'none was at work'
      const consumer = chance.pick(able)
      startConsumer()
      return endProcess(consumer, signal)
    },
  }

  const done = (): number => {
    const numbers = new Set<string>()
    for (const { file } of all)
      for (const line of linesOf(file)) if (line.startsWith('handled ')) numbers.add(line.split(' ', 2)[1]!)
    return numbers.size
  }
  const nothingMoves = async (): Promise<boolean> => {
    const before = all.map(({ file }) => linesOf(file).length)
    await sleep(1000)
    return all.every(({ file }, n) => linesOf(file).length === before[n])
  }
  try {
    await look(async connection => {
      const channel = await connection.createChannel()
      await channel.assertQueue(queue, { arguments: { 'x-queue-type': options.queue } })
      await channel.close()
    })
    for (let n = 0; n < options.consumers; n++) startConsumer()
    startProducer()
    while (![...living].every(isConsuming)) await sleep(100)
    tell(`${options.consumers} consumers consume`)

    for (let round = 1; round === 1 || (producing && !options.once); round++)
      for (const act of acts(chance, broker, crew)) {
        if (!options.once && round > 1 && !producing) break
        await sleep(chance.between(50, options.pause))
        const isFault = !act.name.startsWith('SIG')
        if (isFault) faulty = true
        const kind = act.name.replace(/ for \d+ ms$/, '')
        happened[kind] = (happened[kind] ?? 0) + 1
        const came = await act.run()
        faulty = false
        if (isFault) servedSince = performance.now()
        tell(came ? `${act.name}: ${came}` : act.name)
      }

    tell('nothing more happens; what is left is handled')
    while (producing) await sleep(100)
    for (let since = performance.now(), before = -1; done() < messages - Math.floor((messages + 500) / 1000); ) {
      const now = done()
      if (now !== before) since = performance.now()
      else if (performance.now() - since > PATIENCE) break
      before = now
      await sleep(500)
    }
    while (!(await nothingMoves())) {}
    over = true
    for (const consumer of [...living]) tell(`SIGTERM for the last: ${await endProcess(consumer, 'SIGTERM')}`)
    const left = await depth()
    const parked = await look(async connection => {
      const channel = await connection.createChannel()
      const found: Numbered[] = []
      channel.on('error', () => undefined)
      for (;;) {
        // Nothing was parked: then there is no such queue.
        const message = await channel.get(`${queue}.parked`, { noAck: true }).catch(() => false as const)
        if (!message) return found
        found.push(JSON.parse(message.content.toString()))
      }
    })
    const written = all.map(({ name, prefetch, file }) => ({ name, prefetch, lines: linesOf(file) }))
    return {
      verdict: judge(linesOf(producerFile), written, parked),
      endings,
      againAfterLoss: written.flatMap(({ lines }) => gaps(lines)),
      happened,
      astray,
      left,
      seconds: seconds(),
    }
  } finally {
    over = true
    for (const { child } of all) child.tell('SIGKILL')
    producer?.tell('SIGKILL')
    if (!process.env['CHAOS_KEEP']) rmSync(home, { recursive: true })
    else say(`what they wrote is in ${home}`)
  }
}

/** For how long a consumer did not consume, each time. */
const gaps = (lines: readonly string[]): number[] => {
  const found: number[] = []
  let down: number | undefined
  for (const line of lines) {
    const [what, at] = line.split(' ')
    if (what === 'down') down = Number(at)
    if (what === 'up' && down !== undefined) found.push(Number(at) - down)
  }
  return found
}
