import type { GroupStatus } from '../../core/status/status.ts'
import type { Mark } from '../../core/text/paint.ts'
import { milliseconds } from '../../core/units.ts'
import { type Glyphs, glyphsFor } from './glyphs.ts'
import { type Pane, paintLine } from './line.ts'
import { isFine, leavesOf } from './stage.ts'

/**
 * The line that is left when all is up: how long it took, and what is missing. Like all that stays it may take two rows:
 * nobody has to draw it again.
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
      ['strong', ` ${group.path}`],
      ['plain', ` is up${took} (${many})`],
    ],
    { ...pane, columns: Infinity },
    glyphs,
  )
}

/** What is left when what was not well is well again. */
export const recovery = (status: GroupStatus, since: number, who: readonly string[], pane: Pane): string => {
  const glyphs = glyphsFor(pane.unicode)
  // A group is well again a moment after the one in it that was not.
  const leaves = who.filter(path => !who.some(other => other.startsWith(`${path}/`)))
  const names = leaves.map(path => path.slice(status.name.length + 1)).join(', ')
  const text = ` is well again after ${milliseconds(pane.now - since)}${names === '' ? '' : ` (${names})`}`
  return paintLine(
    [
      ['good', glyphs.good],
      ['strong', ` ${status.name}`],
      ['plain', text],
    ],
    { ...pane, columns: Infinity },
    glyphs,
  )
}

/** How a group is, as a sign. */
export const verdict = ({ health }: GroupStatus, glyphs: Glyphs): readonly [Mark, string] =>
  health === 'pass' ? ['good', glyphs.good] : health === 'warn' ? ['busy', glyphs.warn] : ['bad', glyphs.bad]
