import type { ServiceContext } from '../../../core/hooks/hook-call.ts'

/** What can be wrong with a consumer that consumes. */
export type Trouble = 'setting aside' | 'replying' | 'handlers' | 'progress'

/** The health of a consumer: `fail` while it does not consume, else `warn` while there is trouble. */
export interface ConsumerHealth {
  /** Why it does not consume; `undefined`: it does. */
  lost: string | undefined
  /** From now on health is told to the group. */
  begin(context: ServiceContext): void
  /** There is this trouble, and why; or there is none any more. */
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
