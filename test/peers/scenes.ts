import type { Deploy, End } from './lives.ts'

/** The lives of one program, as they were seen. */
export interface Seen {
  /** SIGTERM with a request in flight. */
  readonly deploy: Deploy
  /** SIGTERM, and the first service to close fails. */
  readonly failingStop: End
  /** SIGTERM, and the last service to close hangs. */
  readonly hangingStop: End
  /** The second service to open fails. */
  readonly failingStart: End
  /** SIGTERM twice, while a service hangs. */
  readonly twoSignals: End
}

export type Life = keyof Seen

/** One row of the table: a promise, and whether a program keeps it. */
export interface Scene {
  readonly name: string
  readonly lives: readonly Life[]
  readonly holds: (seen: Seen) => boolean
}

/** Whether the output has all of these lines, each after the one before. */
const inOrder = (output: string, ...wanted: readonly string[]): boolean => {
  const lines = output.split('\n')
  const places = wanted.map(line => lines.indexOf(line))
  return places.every((place, i) => place >= 0 && place > (places[i - 1] ?? -1))
}

/** Whether the output says which service hung: after it was asked to close, a line names it. */
export const namesDb = ({ output }: End): boolean => /\bdb\b/.test(output.split('db closes\n')[1] ?? '')

export const closesDb = ({ output }: End): boolean => output.split('\n').includes('db closed')

/** Whether each service was closed before the one that it needs was asked to. */
export const closesInTurn = ({ hangingStop: { output } }: Pick<Seen, 'hangingStop'>): boolean =>
  inOrder(output, 'orders closes', 'orders closed', 'db closes')

export const isAnsweredWell = ({ answer }: Deploy): boolean => answer === 'db open, orders open'

export const scenes: readonly Scene[] = [
  {
    name: 'the request in flight is answered, and what it needs is open',
    lives: ['deploy'],
    holds: ({ deploy }) => isAnsweredWell(deploy),
  },
  {
    name: 'idle keep-alive connections are closed at once',
    lives: ['deploy'],
    holds: ({ deploy }) => deploy.closesIdle,
  },
  {
    name: 'a busy keep-alive connection is closed after its answer',
    lives: ['deploy'],
    holds: ({ deploy }) => isAnsweredWell(deploy) && !deploy.waitsForClient,
  },
  { name: 'readiness endpoint', lives: ['deploy'], holds: ({ deploy }) => deploy.readyBefore === 200 },
  {
    name: 'drain delay: readiness fails, new connections are answered',
    lives: ['deploy'],
    holds: ({ deploy }) => (deploy.readyAfter ?? 0) >= 500 && deploy.newcomer === 'db open, orders open',
  },
  { name: 'services stop in reverse order, one after another', lives: ['hangingStop'], holds: closesInTurn },
  {
    name: 'when one fails to stop, the next is stopped',
    lives: ['failingStop'],
    holds: ({ failingStop }) => closesDb(failingStop),
  },
  {
    name: 'a stop that hangs is cut after a timeout',
    lives: ['hangingStop'],
    holds: ({ hangingStop }) => !hangingStop.hung,
  },
  {
    name: 'the service that hung is named',
    lives: ['hangingStop'],
    holds: ({ hangingStop }) => !hangingStop.hung && namesDb(hangingStop),
  },
  {
    name: 'a failing start stops what had started, exit code not 0',
    lives: ['failingStart'],
    holds: ({ failingStart }) => closesDb(failingStart) && failingStart.code !== 0,
  },
  { name: 'a second signal forces the end', lives: ['twoSignals'], holds: ({ twoSignals }) => !twoSignals.hung },
  {
    name: 'exit code 0 after a graceful end, another after a failed stop',
    lives: ['deploy', 'failingStop'],
    holds: ({ deploy, failingStop }) => deploy.code === 0 && !failingStop.hung && failingStop.code !== 0,
  },
]

/** Rows that no life above shows. */
export const CONSUMER = 'a consumer of RabbitMQ finishes what it holds, and takes no more'
export const STREAM = 'every change of state is told as a stream'
export const PACKAGES = 'other packages that it installs'
