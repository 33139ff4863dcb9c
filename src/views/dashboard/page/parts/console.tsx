import type { JSX } from 'preact'
import { useLayoutEffect, useRef, useState } from 'preact/hooks'
import type { ConsoleRings, LineOf } from '../../../../core/console-lines.ts'
import { preciseTimeOfDay } from '../../../../core/units.ts'
import { copy } from '../copy.ts'
import { shortName } from '../words.ts'
import { memo } from './memo.tsx'
import { Search } from './search.tsx'

interface Props {
  readonly printed: { readonly rings: ConsoleRings }
  readonly path: string
}

/** So close to the end, in pixels, the list follows it. */
const NEAR = 24

/** The output of a service, or of all services of a group. It follows the end, unless one has scrolled up. */
export const Console = ({ printed: { rings }, path }: Props): JSX.Element => {
  const [filter, setFilter] = useState('')
  const [copied, setCopied] = useState('')
  const list = useRef<HTMLDivElement>(null)
  const follows = useRef(true)
  const lines = rings.below(path)
  const wanted = filter.trim().toLowerCase()
  const found = wanted === '' ? lines : lines.filter(({ text }) => text.toLowerCase().includes(wanted))
  useLayoutEffect(() => {
    const { current } = list
    if (current && follows.current) current.scrollTop = current.scrollHeight
  })
  const copyAll = async (): Promise<void> => {
    const done = await copy(found.map(({ text }) => text).join('\n'))
    setCopied(done ? `${howMany(found.length)} copied` : 'not allowed to copy: select the lines instead')
  }
  return (
    <section class="printed">
      <h3>Console</h3>
      {lines.length === 0 ? (
        <p class="soft">It has printed nothing.</p>
      ) : (
        <>
          <div class="printed-tools">
            <Search label="Search the lines" hint="Search the lines" value={filter} onChange={setFilter} />
            <button type="button" onClick={() => void copyAll()} onBlur={() => setCopied('')}>
              Copy
            </button>
            <span class="soft number" role="status">
              {copied || (wanted === '' ? howMany(found.length) : `${found.length} of ${howMany(lines.length)}`)}
            </span>
          </div>
          {found.length === 0 ? (
            <p class="soft">{`No line matches “${filter.trim()}”.`}</p>
          ) : (
            <div
              ref={list}
              class="printed-lines"
              tabIndex={0}
              role="group"
              aria-label="Lines"
              onScroll={({ currentTarget: { scrollTop, scrollHeight, clientHeight } }) => {
                follows.current = scrollTop + clientHeight >= scrollHeight - NEAR
              }}
            >
              {found.map((line, i) => (
                <Row
                  key={`${line.path} ${line.n}`}
                  line={line}
                  missed={wanted === '' ? missedBefore(lines, i) : 0}
                  title={line.path === path ? '' : shortName(line.path, path)}
                />
              ))}
            </div>
          )}
        </>
      )}
    </section>
  )
}

const howMany = (count: number): string => `${count} ${count === 1 ? 'line' : 'lines'}`

/** How many lines of the same service came between this one and the one before, and were not kept. */
const missedBefore = (lines: readonly LineOf[], i: number): number => {
  const { path, n } = lines[i]!
  const before = lines[i - 1]
  return before?.path === path ? n - before.n - 1 : 0
}

interface RowProps {
  readonly line: LineOf
  readonly missed: number
  readonly title: string
}

const Row = memo(
  ({ line: { at, from, text }, missed, title }: RowProps): JSX.Element => (
    <>
      {missed > 0 && <p class="missed">{`${howMany(missed)} left out`}</p>}
      <p class={from}>
        <span class="when number">{preciseTimeOfDay(at)}</span>
        <span class="stream" title={from === 'stderr' ? 'standard error' : 'standard output'}>
          {from === 'stderr' ? 'err' : 'out'}
        </span>
        <span class="text">
          {title && <span class="soft">{`${title}: `}</span>}
          {text}
        </span>
      </p>
    </>
  ),
)
