import type { GroupStatus } from '../../core/status/status.ts'
import { UNITS_OF_COLUMN } from '../../core/text/fit.ts'
import type { Mark } from '../../core/text/paint.ts'
import { visible } from '../../core/text/visible.ts'
import { milliseconds } from '../../core/units.ts'
import { cut } from './fit.ts'
import { type Glyphs, glyphsFor } from './glyphs.ts'
import { type Pane, paintLine } from './line.ts'
import { isFine, leavesOf } from './stage.ts'

/**
 * The line that is left when all is up: how long it took, and what is missing. Like all that stays it may take two
 * rows: nobody has to draw it again.
 */
export const summary = (status: GroupStatus, pane: Pane): string => {
  const { group, list } = status
  const glyphs = glyphsFor(pane.unicode)
  const leaves = leavesOf(list)
  const fine = leaves.filter(({ state }) => isFine(state)).length
  const took =
    group.startedAt === null || group.readyAt === null ? '' : ` in ${milliseconds(group.readyAt - group.startedAt)}`
  const many = `${fine === leaves.length ? '' : `${fine} of `}${leaves.length} ${leaves.length === 1 ? 'service' : 'services'}`
  const [mark, glyph] = verdict(status, glyphs)
  return paintLine(
    [
      [mark, glyph],
      ['strong', ` ${shortName(group.path, glyphs)}`],
      ['plain', ` is up${took} (${many})`],
    ],
    { ...pane, columns: Infinity },
    glyphs,
  )
}

/** How many names a line tells, and how long each may be, in columns. */
const [MOST_NAMES, LONGEST_NAME] = [3, 40]

const shortName = (name: string, { ellipsis }: Glyphs): string =>
  cut(visible(name, LONGEST_NAME * UNITS_OF_COLUMN), LONGEST_NAME, ellipsis)

/** The line that is left when all is well again. */
export const recovery = (status: GroupStatus, since: number, who: readonly string[], pane: Pane): string => {
  const glyphs = glyphsFor(pane.unicode)
  // A group is well again a moment after the one in it that was not.
  const leaves = who.filter(path => {
    const inside = `${path}/`
    return !who.some(other => other.startsWith(inside))
  })
  const told = leaves.slice(0, MOST_NAMES).map(path => shortName(path.slice(status.name.length + 1), glyphs))
  const more = leaves.length > MOST_NAMES ? ` and ${leaves.length - MOST_NAMES} more` : ''
  const names = `${told.join(', ')}${more}`
  const text = ` is well again after ${milliseconds(pane.now - since)}${names === '' ? '' : ` (${names})`}`
  return paintLine(
    [
      ['good', glyphs.good],
      ['strong', ` ${shortName(status.name, glyphs)}`],
      ['plain', text],
    ],
    { ...pane, columns: Infinity },
    glyphs,
  )
}

/** How a group is, as a sign. */
export const verdict = ({ health }: GroupStatus, glyphs: Glyphs): readonly [Mark, string] =>
  health === 'pass' ? ['good', glyphs.good] : health === 'warn' ? ['busy', glyphs.warn] : ['bad', glyphs.bad]
