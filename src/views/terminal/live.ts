import { Subscription } from 'rxjs'
import { skewOf } from '../../core/clock.ts'
import type { ServiceGroup } from '../../core/group/service-group.ts'
import { foldStatus, type GroupStatus } from '../../core/status/status.ts'
import { inColor, paintFor } from '../../core/text/paint.ts'
import { frame } from './frame.ts'
import { TURN } from './glyphs.ts'
import { recovery, summary } from './lasting.ts'
import type { Pane } from './line.ts'
import type { Printed } from './printed.ts'
import { openScreen } from './screen.ts'
import { moves, openOf, type Stage, stageOf } from './stage.ts'
import { hasUnicode } from './terminals.ts'

/** Draws a group on a terminal, from now to its end. */
export const live = (
  group: Pick<ServiceGroup<string, never>, 'name' | 'events$' | 'options'>,
  output: NodeJS.WriteStream,
  printed: Printed | undefined,
): Subscription => {
  const { clock } = group.options
  const color = paintFor(output, process.env) === inColor
  const unicode = hasUnicode(process.env, process.platform)
  let status: GroupStatus | undefined
  let stage: Stage = 'before'
  let unwellSince: number | undefined
  /** Of the wall clock, when the last event came: a clock that is set makes no counter jump. */
  let skew = skewOf(clock)
  const unwell = new Set<string>()
  let wasUp = false
  let timer: NodeJS.Timeout | undefined

  const pane = (): Pane => ({
    columns: output.columns || 80,
    rows: output.rows || 24,
    now: clock.now() + skew,
    color,
    unicode,
  })
  const draw = (): void => {
    clearTimeout(timer)
    timer = undefined
    if (!status) return
    screen.draw(frame(status, pane(), printed?.rings))
    if (moves(status, stage)) drawSoon(TURN)
  }
  const drawSoon = (ms: number): void => {
    timer ??= setTimeout(draw, ms).unref()
  }
  const screen = openScreen(output, draw)
  const tellSoon = (): void => {
    if (stage !== 'before' && stage !== 'well') drawSoon(TURN)
  }
  printed?.onLine(tellSoon)

  const enter = (next: Stage, status: GroupStatus): void => {
    stage = next
    if (stage === 'over') return
    const isUp = stage === 'well' || stage === 'unwell'
    if (isUp && !wasUp) screen.leave([summary(status, pane())])
    else if (stage === 'well' && unwellSince !== undefined)
      screen.leave([recovery(status, unwellSince, [...unwell], pane())])
    if (stage === 'unwell') unwellSince ??= status.at
    else {
      unwellSince = undefined
      unwell.clear()
    }
    wasUp = isUp
    // What comes with it is told in the same turn of the event loop.
    clearTimeout(timer)
    timer = undefined
    drawSoon(0)
  }
  const subscription = new Subscription()
  subscription.add(() => {
    clearTimeout(timer)
    screen.close()
  })
  subscription.add(
    group.events$.subscribe({
      next: event => {
        skew = skewOf(clock)
        if (unwellSince !== undefined && event.kind !== 'snapshot') unwellSince += event.clockSet ?? 0
        status = foldStatus(status, event)
        const next = stageOf(status)
        if (next === 'unwell') for (const { path } of openOf(status.list, next)) unwell.add(path)
        if (next !== stage) enter(next, status)
        else tellSoon()
      },
      complete: () => subscription.unsubscribe(),
    }),
  )
  return subscription
}
