import { median } from '../../bench/statistics.ts'
import { LONGEST_HANDLER } from './message.ts'
import type { Chaos } from './run.ts'

/**
 * How much longer than the longest handler, and than the broker's answers, a process may take to end when nothing
 * hangs, in milliseconds.
 */
export const MORE_THAN_HANDLER = 100
/** How long it may take at most, whatever hangs: what the consumer processes give themselves, and their own end. */
export const DEADLINE = 6500

/** What must not be, a line each. */
export const complaints = ({ verdict, endings, left, astray }: Chaos, slack = 0): string[] => {
  const slow = endings.filter(({ took, served, brokerTook }) => {
    const allowed = served ? LONGEST_HANDLER + MORE_THAN_HANDLER + brokerTook : DEADLINE
    return took > allowed + slack
  })
  return [
    ...verdict.lost.map(key => `lost: ${key}`),
    ...verdict.unexplained.map(key => `done twice: ${key}`),
    ...verdict.overPrefetch.map(
      ({ process, again, end }) => `${again} done again after ${end}, which is more than it may hold: ${process}`,
    ),
    ...slow.map(
      ({ who, took, served, brokerTook }) =>
        `took ${took.toFixed(0)} ms to end${served ? `, the broker ${brokerTook.toFixed(0)} ms to answer` : ' amid a fault or soon after'}: ${who}`,
    ),
    ...astray.map(who => `ended by itself: ${who}`),
    ...(left > 0 ? [`${left} messages are left in the queue`] : []),
  ]
}

export const report = (chaos: Chaos): string => {
  const { verdict, endings, happened, seconds } = chaos
  const { again, worst } = verdict
  const most = (numbers: readonly number[]) => `${Math.max(0, ...numbers).toFixed(0)} ms`
  const served = endings.filter(({ served }) => served)
  const hindered = endings.filter(({ served }) => !served)
  const part = ({ again, prefetch }: { again: number; prefetch: number }) =>
    again === 0 ? '' : `; the most of one: ${again} at prefetch ${prefetch}`
  const lines = [
    [
      'happened',
      Object.entries(happened)
        .map(([kind, count]) => `${kind} ${count}`)
        .join(', '),
    ],
    ['took', `${seconds.toFixed(0)} s, ${verdict.sessions} consumer sessions`],
    ['handled', `${verdict.done} numbers; ${verdict.failed} failures on the way, ${verdict.parked} parked`],
    ['lost', verdict.lost.length],
    ['twice, unexplained', verdict.unexplained.length],
    ['again after SIGKILL', `${again.killed}${part(worst.killed)}`],
    ['again after a lost connection', `${again.lost}${part(worst.lost)}`],
    ['again after a forced end', `${again.forced}${part(worst.forced)}`],
    ['copied twice', again.copying],
    ['published twice', again.publishing],
    [
      'SIGTERM to the end',
      `${served.length} times, at most ${most(served.map(({ took }) => took))}, mostly ${median(served.map(({ took }) => took)).toFixed(0)} ms (the longest handler: ${LONGEST_HANDLER} ms)`,
    ],
    ['less what the broker took', `at most ${most(served.map(({ took, brokerTook }) => took - brokerTook))}`],
    ['amid a fault or soon after', `${hindered.length} times, at most ${most(hindered.map(({ took }) => took))}`],
    ['without consuming', `${chaos.againAfterLoss.length} times, at most ${most(chaos.againAfterLoss)}`],
  ] as const
  return lines.map(([what, how]) => `${what.padEnd(30)} ${how}`).join('\n')
}
