import type { ConsoleRings } from '../../core/console-lines.ts'
import { isBeforeStart, type ServiceState } from '../../core/state.ts'
import type { ServiceStatus } from '../../core/status/service-status.ts'
import type { Lines } from './line.ts'
import { isFine } from './stage.ts'

/** The output of services since the terminal was asked for. */
export interface Printed {
  readonly rings: ConsoleRings
  /** Has the function called after each new line, instead of the one before. */
  onLine(act: () => void): void
}

/** How many of its latest lines stand below a service, as many as there is room for. */
export const SHOWN: readonly number[] = [3, 1, 0]

/** The service has begun, and is not well: what it has printed may tell why. */
const needsExplaining = (state: ServiceState): boolean => !isFine(state) && !isBeforeStart(state)

/** The latest lines that a service has printed, below its row, if it is not well. */
export const printedBelow = (
  { path, state }: ServiceStatus,
  indent: string,
  printed: ConsoleRings | undefined,
  most: number,
): Lines =>
  printed && most > 0 && needsExplaining(state)
    ? printed
        .of(path)
        .slice(-most)
        .map(({ from, text }) => [
          ['plain', `    ${indent}`],
          [from === 'stderr' ? 'bad' : 'faint', '| '],
          ['faint', text],
        ])
    : []
