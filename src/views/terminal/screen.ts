import * as logUpdate from 'log-update'
import { outside } from '../../core/work.ts'
import { listenToWrites } from './aside.ts'
import { widthOf } from './fit.ts'
import { whenContinued } from './job-control.ts'

/** Up to version 4, log-update exports one function, and this is its `create`. */
const createLogUpdate: typeof logUpdate.createLogUpdate =
  logUpdate.createLogUpdate ?? (logUpdate.default as unknown as { create: typeof logUpdate.createLogUpdate }).create

/** One picture ends and another begins, for terminals that show only whole ones. */
const END_AND_BEGIN = '\u001b[?2026l\u001b[?2026h'

/** A few lines at the end of a terminal that are drawn again and again, below everything else that is written there. */
export interface Screen {
  /**
   * Replaces what stands there; no lines take it away. Returns whether it has: others may be in the middle of a line.
   */
  draw(lines: readonly string[]): boolean
  /** Writes lines that stay, above. */
  leave(lines: readonly string[]): void
  /** Writes what is not seen, and leaves the picture as it is. */
  write(codes: string): void
  /** Takes the picture away; nothing is left of it but what stays. */
  close(): void
}

/** @param redraw called when the picture had to go: others have written, or the terminal has another size */
export const openScreen = (output: NodeJS.WriteStream, redraw: () => void): Screen => {
  const own = output.write
  /** Is filled instead of the screen until a change is complete. */
  let held: string | undefined
  const write = (text: string): boolean => {
    if (held !== undefined) {
      held += text
      return true
    }
    // A service whose line makes the picture step aside has not printed the picture.
    return outside(() => Reflect.apply(own, output, [text]))
  }
  // The cursor is never hidden, so that it need not be shown again however the process ends.
  const update = createLogUpdate(
    {
      isTTY: true,
      write,
      get columns() {
        return output.columns
      },
      get rows() {
        return output.rows
      },
    } as NodeJS.WriteStream,
    { showCursor: true },
  )
  let shown: readonly string[] = []
  let width = output.columns
  /** Somebody is in the middle of a line: the picture waits for its end. */
  let midLine = false
  /** Others have written while it stood there. */
  let covered = false
  /** From then on the line of the cursor is empty, but for the `^C` of a terminal that shows what is pressed. */
  let begun = false
  let due: NodeJS.Immediate | undefined

  const clear = (): void => {
    if (shown.length > 0) update.clear()
    shown = []
  }
  /** Makes one write of several, of which no terminal shows a part. */
  const atOnce = (change: () => void): void => {
    held = ''
    change()
    const all = held.replaceAll(END_AND_BEGIN, '')
    held = undefined
    write(all)
  }
  const begin = (): void => {
    if (begun && shown.length === 0 && !midLine) write('\r\u001b[K')
    begun = true
  }
  // An immediate that is unref'd does not wake an idle event loop. This one keeps the process for one turn only.
  const redrawSoon = (): void => {
    due ??= setImmediate(() => {
      due = undefined
      redraw()
    })
  }
  const streams = new Set([output, process.stdout, process.stderr].filter(({ isTTY }) => isTTY))
  const stopListening = listenToWrites(streams, {
    before: () => {
      covered ||= shown.length > 0
      clear()
    },
    after: whole => {
      midLine = !whole
      if (whole && covered) redrawSoon()
    },
  })
  const onResize = (): void => {
    const { columns } = output
    // Terminals break the lines they have anew, so the picture may be higher than it was drawn.
    if (columns < width && shown.length > 0) {
      const height = shown.reduce((sum, line) => sum + Math.max(1, Math.ceil(widthOf(line) / columns)), 0)
      write(`\u001b[${height}A\r\u001b[J`)
      update.done()
      shown = []
    }
    width = columns
    redraw()
  }
  output.on('resize', onResize)
  // The shell has written below the picture meanwhile, so the old picture is not the one to replace.
  const stopWaiting = whenContinued(() => {
    update.done()
    shown = []
    midLine = false
    redraw()
  })

  return {
    draw: lines => {
      covered = midLine && lines.length > 0
      if (midLine) return false
      if (lines.length === 0) clear()
      else {
        begin()
        atOnce(() => {
          // log-update draws only lines that differ, and takes a last line that has only moved for one that has not.
          if (shown.length !== lines.length) clear()
          update(lines.join('\n'))
        })
        shown = lines
      }
      return true
    },
    leave: lines => {
      clear()
      begin()
      if (midLine) write('\n')
      midLine = false
      write(lines.map(line => `${line}\n`).join(''))
    },
    write: codes => void write(codes),
    close: () => {
      clear()
      if (due) clearImmediate(due)
      stopListening()
      output.off('resize', onResize)
      stopWaiting()
    },
  }
}
