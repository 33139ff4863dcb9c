import type { ServiceContext } from '../../../core/hooks/hook-call.ts'

/** The kinds of trouble that a consumer can have while it consumes. */
export type Trouble = 'setting aside' | 'replying' | 'handlers' | 'progress'

/** The health of a consumer: `fail` while it does not consume, else `warn` while there is trouble. */
export interface ConsumerHealth {
  /** Why the consumer does not consume. `undefined` while it does. */
  lost: string | undefined
  /** The service runs: from now on its health is set. */
  begin(context: ServiceContext): void
  /** Sets or clears (`undefined`) the reason of a kind of trouble. */
  trouble(which: Trouble, why: string | undefined): void
}

export const makeHealth = (): ConsumerHealth => {
  const troubles = new Map<Trouble, string>()
  let context: ServiceContext | undefined
  let lost: string | undefined

  const say = () => {
    const [first] = troubles.values()
    if (lost !== undefined) context?.setHealth('fail', lost)
    else if (first !== undefined) context?.setHealth('warn', first)
    else context?.setHealth('pass')
  }
  return {
    get lost() {
      return lost
    },
    set lost(why) {
      lost = why
      say()
    },
    begin: given => {
      if (context === given) return
      context = given
      say()
    },
    trouble: (which, why) => {
      if (troubles.get(which) === why) return
      if (why === undefined) troubles.delete(which)
      else troubles.set(which, why)
      say()
    },
  }
}
