import { Subscription } from 'rxjs'
import { skewOf } from '../../core/clock.ts'
import type { ServiceGroup } from '../../core/group/service-group.ts'
import { foldStatus, type GroupStatus } from '../../core/status/status.ts'
import { inColor, paintFor } from '../../core/text/paint.ts'
import type { GroupActions } from '../common/act.ts'
import { type Controls, openControls } from './controls.ts'
import { frame } from './frame.ts'
import { TURN } from './glyphs.ts'
import { hasKeyboard } from './keyboard.ts'
import { recovery, summary } from './lasting.ts'
import type { Pane } from './line.ts'
import type { Printed } from './printed.ts'
import { promptFrame } from './prompt-frame.ts'
import { openScreen } from './screen.ts'
import { moves, openOf, type Stage, stageOf } from './stage.ts'
import { hasUnicode } from './terminals.ts'

/** How long a picture stands at least before news replace it, in milliseconds. */
const PAUSE = 40

/** A picture stands for so many times as long as it took to draw, so that drawing takes a fifth of the time at most. */
const COSTLY = 4

/** Draws a group on a terminal, from now to its end. By keys it is acted on from its start on. */
export const live = (
  group: Pick<ServiceGroup<string, never>, 'name' | 'events$' | 'options'>,
  output: NodeJS.WriteStream,
  printed: Printed | undefined,
  acted: GroupActions | undefined,
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
  /** When the timer fires, and when the last picture was drawn, as `performance.now()` counts. */
  let dueAt = Infinity
  let drawnAt = -Infinity
  /** How long the last picture took to draw, in milliseconds. */
  let cost = 0
  let controls: Controls | undefined

  const pane = (): Pane => ({
    columns: output.columns || 80,
    rows: output.rows || 24,
    now: clock.now() + skew,
    color,
    unicode,
  })
  const draw = (): void => {
    rest()
    if (!status) return
    const begun = performance.now()
    if (controls) {
      const { prompt } = controls
      if (screen.draw(promptFrame(status, pane(), prompt, printed?.rings))) controls.seen(prompt)
    } else screen.draw(frame(status, pane(), printed?.rings))
    drawnAt = performance.now()
    cost = drawnAt - begun
    if (moves(status, stage)) drawIn(TURN)
  }
  const rest = (): void => {
    clearTimeout(timer)
    dueAt = Infinity
  }
  const drawIn = (ms: number): void => {
    const at = performance.now() + ms
    if (dueAt <= at) return
    clearTimeout(timer)
    dueAt = at
    timer = setTimeout(draw, ms).unref()
  }
  /** Draws news at once, but for a pause after the last picture. */
  const drawSoon = (): void => drawIn(Math.max(0, drawnAt + Math.max(PAUSE, COSTLY * cost) - performance.now()))
  const screen = openScreen(output, draw)
  const tellSoon = (): void => {
    if (stage !== 'before' && (stage !== 'well' || controls)) drawSoon()
  }
  const open = (acted: GroupActions): Controls =>
    openControls(acted, {
      rows: () => pane().rows,
      canSearch: printed !== undefined,
      status: () => status,
      write: screen.write,
      changed: drawSoon,
    })
  printed?.onLine(tellSoon)

  const enter = (next: Stage, status: GroupStatus): void => {
    stage = next
    if (stage === 'over') return
    if (acted && stage !== 'before' && hasKeyboard()) controls ??= open(acted)
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
    // Events that come with it are told in the same turn of the event loop.
    drawIn(0)
  }
  const subscription = new Subscription()
  subscription.add(() => {
    rest()
    controls?.close()
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
