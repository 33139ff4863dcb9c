import type { JSX } from 'preact'
import { milliseconds } from '../../../../core/units.ts'
import { FIRST, type Life, type Segment } from '../life.ts'
import { moment, preciseMoment } from '../moments.ts'
import { detailOf, lookOf } from '../words.ts'
import { Chip } from './glyph.tsx'
import { Elapsed } from './time.tsx'

interface Props {
  readonly life: Life
  /** Since when all is known, if that is not the beginning. */
  readonly begins: number | undefined
}

/** The past of a service, the newest first. */
export const History = ({ life: { segments, between = [] }, begins }: Props): JSX.Element => {
  const left = between.reduce((sum, { count }) => sum + count, 0)
  const rows = segments.map((segment, i) => <Stretch key={`${segment.from} ${i}`} segment={segment} />)
  return (
    <>
      <h3>History</h3>
      <ol class="history">
        {rows.slice(FIRST).reverse()}
        {left > 0 && (
          <li>
            <span class="number soft">{moment(between[0]!.from)}</span>
            <span class="detail">{`${left} changes more, which the timeline shows as one`}</span>
          </li>
        )}
        {rows.slice(0, FIRST).reverse()}
      </ol>
      {begins !== undefined && <Beginning at={begins} />}
    </>
  )
}

/** Says that there was more before. */
export const Beginning = ({ at }: { readonly at: number }): JSX.Element => (
  <p class="beginning soft">{`History begins at ${moment(at)}. Of what was before only the times of starts and stops are known.`}</p>
)

const Stretch = ({ segment: { from, to, state } }: { readonly segment: Segment }): JSX.Element => (
  <li>
    <span class="number soft">{preciseMoment(from)}</span>
    <Chip look={lookOf(state)} />
    <span class="number">{to === null ? <Elapsed since={from} /> : milliseconds(to - from)}</span>
    <span class="detail">{detailOf(state)}</span>
  </li>
)
