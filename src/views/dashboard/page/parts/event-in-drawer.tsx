import type { JSX } from 'preact'
import type { Model } from '../model.ts'
import { preciseMoment } from '../moments.ts'
import { ErrorView } from './error-view.tsx'
import { Chip } from './glyph.tsx'

/** The line of the log that was opened, with all that it has to say. */
export const EventInDrawer = ({
  model: { log },
  seq,
}: {
  readonly model: Model
  readonly seq: number
}): JSX.Element => {
  const line = log.lines.findLast(one => one.seq === seq)
  return (
    <section class="event" aria-label="Event">
      {line ? (
        <>
          <div class="chips">
            <span class="number soft">{preciseMoment(line.at)}</span>
            <Chip look={line} />
          </div>
          {line.error ? <ErrorView error={line.error} /> : line.detail && <p class="lines">{line.detail}</p>}
        </>
      ) : (
        <p class="soft">{`Event ${seq} is not kept any more.`}</p>
      )}
    </section>
  )
}
