import type { JSX } from 'preact'
import { milliseconds } from '../../../../core/units.ts'
import type { Bar, Gantt } from '../gantt.ts'
import { DRAWN } from '../life.ts'

import { Chip } from './glyph.tsx'

/** The timeline for who would rather read. */
export const GanttTable = ({ gantt: { rows, told } }: { readonly gantt: Gantt }): JSX.Element => {
  const kinds = DRAWN.filter(kind => rows.some(({ bars }) => bars.some(bar => bar.kind === kind)))
  return (
    <div class="scroll" tabIndex={0} role="region" aria-label="Timeline as a table">
      <table class="twin">
        <caption class="sr">When each service was in which state, counted from the beginning of the timeline</caption>
        <thead>
          <tr>
            <th scope="col">Service</th>
            {kinds.map(kind => (
              <th scope="col" key={kind}>
                {kind}
              </th>
            ))}
            <th scope="col">Now</th>
            <th scope="col">Critical path</th>
          </tr>
        </thead>
        <tbody>
          {rows.map(({ path, name, depth, bars, critical, look }) => (
            <tr key={path}>
              <th scope="row">
                <span class="indent" style={{ '--depth': depth }}>
                  {name}
                </span>
              </th>
              {kinds.map(kind => (
                <td key={kind}>
                  {withCrowdsJoined(bars)
                    .filter(bar => bar.kind === kind)
                    .map((bar, i) => (
                      <div key={i}>{inWords(bar, told.from, told.to)}</div>
                    ))}
                </td>
              ))}
              <td>
                <Chip look={look} />
              </td>
              <td>{critical ? 'yes' : ''}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  )
}

/** Crowds that follow each other make one line. */
const withCrowdsJoined = (bars: readonly Bar[]): readonly Bar[] => {
  const done: Bar[] = []
  for (const bar of bars) {
    const last = done.at(-1)
    if (!bar.crowd || !last?.crowd) done.push(bar)
    else
      done[done.length - 1] = {
        ...last,
        to: bar.to,
        crowd: { ...last.crowd, changes: last.crowd.changes + bar.crowd.changes },
      }
  }
  return done
}

const inWords = ({ from, to, open, bad, crowd }: Bar, begin: number, end: number): string =>
  [
    `from +${milliseconds(from - begin)}${open ? '' : ` for ${milliseconds(Math.min(to, end) - from)}`}`,
    ...(crowd ? [`${crowd.changes} changes, this most of the time`] : []),
    ...(bad ? [bad] : []),
  ].join(', ')
