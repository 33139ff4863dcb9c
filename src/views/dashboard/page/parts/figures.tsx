import type { JSX } from 'preact'
import { useContext } from 'preact/hooks'
import { type GroupFigures, isCount } from '../../../../core/figures.ts'
import { visible } from '../../../../core/text/visible.ts'
import { milliseconds } from '../../../../core/units.ts'
import { type Point, perSecond, type Series } from '../series.ts'
import { GAP, rangeOf, Sparkline } from './sparkline.tsx'
import { StoreContext } from './time.tsx'

/** A number for people: three digits at least, and no more than one after the point. */
const amount = (value: number): string =>
  value.toLocaleString('en', { maximumFractionDigits: Math.abs(value) < 100 ? 1 : 0 })

const megabytes = (bytes: number): string => `${amount(bytes / 2 ** 20)} MB`

const rate = (value: number): string => `${amount(value)}/s`

/** `739, 17/s`, and `739` once the count has not changed for a while. */
const countInWords = (points: readonly Point[], now: number): string => {
  const rise = perSecond(points).at(-1)
  return `${amount(points.at(-1)!.value)}${rise && now - rise.at < GAP ? `, ${rate(rise.value)}` : ''}`
}

interface FigureProps {
  readonly name: string
  readonly points: readonly Point[]
  readonly now: number
  readonly text: (value: number) => string
  /** The present value, when that is not the last point. */
  readonly value?: string
  readonly holds?: boolean
}

/** A value in words, and beside it how it has been. */
const Figure = ({ name, points, now, text, value, holds = false }: FigureProps): JSX.Element => {
  const last = points.at(-1)
  const range = rangeOf(points, now, holds)
  return (
    <div class="figure">
      <dt>{name}</dt>
      <dd>
        <span class="number">{value ?? (last ? text(last.value) : '–')}</span>
        {range && (
          <span class="sr">{`, in the last ten minutes between ${text(range.low)} and ${text(range.high)}`}</span>
        )}
        <span class="range" title={range ? `${text(range.low)} to ${text(range.high)} in the last ten minutes` : ''}>
          <Sparkline points={points} now={now} holds={holds} />
        </span>
      </dd>
    </div>
  )
}

/** The figures of the process and of its services: the last ten minutes that somebody watched. */
export const ProcessFigures = ({ figures }: { readonly figures: readonly GroupFigures[] }): JSX.Element => {
  const now = figures.at(-1)?.at ?? 0
  const of = (read: (one: GroupFigures) => number | undefined): readonly Point[] =>
    figures.flatMap(one => {
      const value = read(one)
      return value === undefined ? [] : [{ at: one.at, value }]
    })
  const [inFlight, handled] = [of(one => one.inFlight), of(one => one.handled)]
  return (
    <dl class="figures" aria-label="Figures of the process">
      <Figure name="CPU" points={of(({ cpu }) => cpu)} now={now} text={value => `${amount(value)} %`} />
      <Figure name="Memory" points={of(({ memory }) => memory)} now={now} text={megabytes} />
      <Figure name="Loop delay" points={of(({ delay }) => delay)} now={now} text={milliseconds} />
      {inFlight.length > 0 && <Figure name="In flight" points={inFlight} now={now} text={amount} />}
      {handled.length > 0 && <Figure name="Handled" points={handled} now={now} text={rate} />}
    </dl>
  )
}

/** The figures that one service tells in its `info`. A count is drawn as what it rises by. */
export const ServiceFigures = ({ series }: { readonly series: Series | undefined }): JSX.Element | null => {
  const store = useContext(StoreContext)
  if (!series || series.size === 0) return null
  const now = store.now()
  return (
    <>
      <h3>Figures</h3>
      <dl class="figures">
        {[...series].map(([name, points]) =>
          isCount(name) ? (
            <Figure
              key={name}
              name={visible(name)}
              points={perSecond(points)}
              now={now}
              text={rate}
              value={countInWords(points, now)}
            />
          ) : (
            <Figure key={name} name={visible(name)} points={points} now={now} text={amount} holds />
          ),
        )}
      </dl>
    </>
  )
}
