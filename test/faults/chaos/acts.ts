import { setTimeout as sleep } from 'node:timers/promises'
import type { Faults } from '../../support/rabbitmq.ts'
import type { Chance } from './random.ts'

/** A broker that may be harmed. */
export interface Victim {
  readonly url: string
  readonly faults: Pick<Faults, 'block' | 'unblock' | 'freeze' | 'thaw' | 'stop' | 'start'> & {
    closeAllConnections(): Promise<void>
  }
}

/** The processes, as far as something can be done to them. */
export interface Crew {
  /** Tells one that is at work to end; another takes its place at once. Settles with what came of it. */
  end(who: 'consumer' | 'producer', signal: 'SIGTERM' | 'SIGKILL'): Promise<string>
}

/** Something that happens: what it is, and what came of it. */
export interface Act {
  readonly name: string
  run(): Promise<string>
}

/**
 * One thing of each kind and some more of what is common, in random order. The broker is not killed: a killed one
 * forgets acknowledgements it had taken, and nobody could tell those from our mistakes.
 */
export const acts = (chance: Chance, { faults }: Victim, crew: Crew): Act[] => {
  const one = (who: 'consumer' | 'producer', signal: 'SIGTERM' | 'SIGKILL'): Act => ({
    name: `${signal} for a ${who}`,
    run: () => crew.end(who, signal),
  })
  /** While the broker does not serve as it should, a process may be told to end as well. */
  const meanwhile = async (): Promise<string> => {
    if (chance.between(1, 2) === 1) return ''
    const other = one(chance.pick(['consumer', 'producer']), chance.pick(SIGNALS))
    return `meanwhile ${other.name}: ${await other.run()}`
  }
  const during = (name: string, ms: number, begin: () => Promise<void>, end: () => Promise<void>): Act => ({
    name: `${name} for ${ms} ms`,
    run: async () => {
      await begin()
      const other = meanwhile()
      await sleep(ms)
      await end()
      return other
    },
  })
  const closeAll: Act = {
    name: 'all connections closed',
    run: async () => {
      await faults.closeAllConnections()
      return ''
    },
  }
  return chance.shuffle([
    one('consumer', 'SIGTERM'),
    one('consumer', 'SIGTERM'),
    one('consumer', 'SIGTERM'),
    one('consumer', 'SIGKILL'),
    one('consumer', 'SIGKILL'),
    one('producer', chance.pick(SIGNALS)),
    closeAll,
    closeAll,
    during('broker blocked', chance.between(300, 2000), faults.block, faults.unblock),
    during('broker frozen', chance.between(300, 2000), faults.freeze, faults.thaw),
    // Longer than two heartbeats: whoever is connected gives it up.
    during('broker frozen', chance.between(5000, 7000), faults.freeze, faults.thaw),
    during('broker restarted, away', chance.between(0, 2000), faults.stop, faults.start),
  ])
}

const SIGNALS = ['SIGTERM', 'SIGKILL'] as const
