import type { Observable } from 'rxjs'
import { type Abortable, onAbort, signalOf } from '../abort.ts'
import { Listener } from '../listener.ts'
import { group as groupNamed } from '../options.ts'
import { isFinal } from '../state.ts'
import type { GroupStatus } from '../status/status.ts'

/**
 * Resolves when a group is ready. Rejects when it is over before, or with the reason of a signal that is aborted.
 *
 * @param endError the error of a group that is over
 */
export const whenReady = (
  { name, status$ }: { readonly name: string; readonly status$: Observable<GroupStatus> },
  endError: () => unknown,
  options: Abortable = {},
): Promise<void> =>
  new Promise((resolve, reject) => {
    const signal = signalOf(groupNamed(name), options)
    if (signal?.aborted) return reject(signal.reason)
    const listener = new Listener<GroupStatus>({
      next: status => {
        if (!status.ready && !isFinal(status.group.state)) return
        listener.unsubscribe()
        if (status.ready) resolve()
        else reject(endError())
      },
    })
    listener.add(
      onAbort(signal, ({ reason }) => {
        listener.unsubscribe()
        reject(reason)
      }),
    )
    status$.subscribe(listener)
  })
