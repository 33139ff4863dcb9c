import type { Scene } from '../scene.ts'
import { list, withMore } from './graphs.ts'

/** Calls from inside the code of a service. */
export const inside: readonly Scene[] = (['start', 'unready', 'drain', 'stop'] as const).flatMap(moment =>
  ['stop', 'restart a', 'restart b', 'remove c'].map(
    (call): Scene => ({
      title: `${call} from inside, at ${moment}`,
      members: withMore(list, { a: { quick: true }, b: { inside: { [moment]: call } } }),
      calls: call === 'restart b' ? ['stop'] : ['restart b', 'stop'].filter(other => other !== call),
      mortal: [],
    }),
  ),
)
