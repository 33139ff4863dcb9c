import { Observable, share } from 'rxjs'
import { visible } from '../core/text/visible.ts'

/** How long a reader may take nothing before the rest of the text is dropped, in milliseconds. */
const STALLED = 5_000

/** A pipe accepts so many bytes at once, whole. */
const PIECE = 4_096

/** Writes a text to standard error. Settles when all of it is out, or when its reader takes nothing any more. */
export const tell = async (text: string): Promise<void> => {
  for (const piece of pieces(text)) if (!(await write(process.stderr, piece))) return
}

/** Writes one line to standard error. Line breaks inside it are escaped. */
export const tellLine = (text: string): Promise<void> => tell(`${visible(text)}\n`)

/** Writes one line of a group, in the form of all errors: `group "shop": <what is so>; <what to do>`. */
export const tellOf = (group: string, text: string): Promise<void> => tellLine(`group "${group}": ${text}`)

/** Settles when the standard streams are written out, or their readers take nothing any more. */
export const flush = async (): Promise<void> => {
  await Promise.all([process.stdout, process.stderr].map(output => write(output, '')))
}

/** Writes a text to standard error before it returns, for the very end of a process. */
export const tellNow = (text: string): void => {
  const { writeSync } = process.getBuiltinModule('node:fs')
  let bytes = Buffer.from(text)
  for (let tries = 0; bytes.length > 0 && tries < 100; tries++)
    try {
      bytes = bytes.subarray(writeSync(2, bytes))
    } catch (error) {
      // The pipe is full. Its reader, another process, may read on.
      if ((error as NodeJS.ErrnoException).code !== 'EAGAIN') return
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 1)
    }
}

/**
 * While subscribed, a standard stream that can't be written is told once, and is no uncaught error: its reader has gone
 * (`| head`, a closed terminal), or the disk is full. It never emits. The handler of a broken stream stays for ever,
 * since every further write fails the same way.
 */
export const brokenOutput$: Observable<never> = new Observable<never>(() => {
  const undo = [process.stdout, process.stderr].map(output => {
    let broken = false
    const onError = (error: Error): void => {
      // A broken standard error can't be told anywhere.
      if (!broken && output === process.stdout)
        void tellLine(`process: standard output can't be written any more: ${error.message}; going on without it`)
      broken = true
    }
    output.on('error', onError)
    return () => {
      if (!broken) output.off('error', onError)
    }
  })
  return () => {
    for (const step of undo) step()
  }
}).pipe(share())

/** The streams whose reader took nothing for too long. Nothing waits for them again. */
const stalled = new WeakSet<NodeJS.WriteStream>()

/** Settles with false when the text can't be written, or its reader takes nothing. */
const write = (output: NodeJS.WriteStream, text: string): Promise<boolean> =>
  new Promise(resolve => {
    if (stalled.has(output) && output.writableLength > 0) return resolve(false)
    let left = Infinity
    const watch = setInterval(() => {
      if (output.writableLength >= left) {
        stalled.add(output)
        settle(false)
      }
      left = output.writableLength
    }, STALLED / 2)
    const settle = (written: boolean): void => {
      clearInterval(watch)
      resolve(written)
    }
    output.write(text, error => settle(!error))
    // A `write` that the program has replaced may not call back.
    setImmediate(() => {
      if (output.writableLength === 0) settle(true)
    })
  })

/** The text in pieces that end with a line where they can, so that writes of others come between lines. */
const pieces = (text: string): readonly string[] => {
  const all: string[] = []
  for (let start = 0; start < text.length; ) {
    const line = text.lastIndexOf('\n', start + PIECE - 1) + 1
    const end = start + PIECE >= text.length ? text.length : line > start ? line : start + PIECE
    all.push(text.slice(start, end))
    start = end
  }
  return all
}
