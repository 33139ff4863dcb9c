import type { ServiceContext } from '../../core/hooks/hook-call.ts'
import { type Health, type Info, isHealth, type StopReason } from '../../core/state.ts'

/**
 * A message of a thread or process about itself. The bare text `'ready'` is one too, as with PM2. `drain` and
 * `stop` say which steps it wants to be told. With `drain`, the service waits for its `drained`.
 */
export type RemoteWord =
  | { readonly service: 'starting' | 'ready'; readonly drain?: boolean; readonly stop?: boolean }
  | { readonly service: 'drained' }
  | { readonly service: 'health'; readonly health: Health; readonly detail?: string }
  | { readonly service: 'pending'; readonly count: number }
  | { readonly service: 'info'; readonly info: Info }
  | { readonly service: 'extend'; readonly ms: number }
  | { readonly service: 'heartbeat' }

/** A step that the remote side is told. */
export interface RemoteStep {
  readonly service: 'unready' | 'drain' | 'stop'
  readonly reason: StopReason
}

/** A message as a word of ours, if it is one: threads and processes have messages of their own too. */
export const wordOf = (message: unknown): RemoteWord | undefined => {
  if (message === 'ready') return { service: 'ready' }
  return isRecord(message) && typeof message['service'] === 'string' ? (message as unknown as RemoteWord) : undefined
}

export const stepOf = (message: unknown): RemoteStep | undefined =>
  isRecord(message) && STEPS.has(message['service']) ? (message as unknown as RemoteStep) : undefined

/** Passes on what it says of its state. A state is plain JSON, so what is not as it should be is left out. */
export const passOn = (word: RemoteWord, context: ServiceContext): void => {
  switch (word.service) {
    case 'health':
      if (!isHealth(word.health)) return
      return context.setHealth(word.health, typeof word.detail === 'string' ? word.detail : undefined)
    case 'pending':
      return isAmount(word.count) ? context.pending(word.count) : undefined
    case 'extend':
      return isAmount(word.ms) ? context.extend(word.ms) : undefined
    case 'info':
      return isRecord(word.info) ? context.info(flat(word.info)) : undefined
    case 'heartbeat':
      return context.heartbeat()
  }
}

const STEPS: ReadonlySet<unknown> = new Set(['unready', 'drain', 'stop'])
const FLAT: ReadonlySet<string> = new Set(['string', 'number', 'boolean'])

const isRecord = (thing: unknown): thing is Readonly<Record<string, unknown>> =>
  typeof thing === 'object' && thing !== null

const isAmount = (value: unknown): boolean => Number.isFinite(value) && (value as number) >= 0

const flat = (info: Info): Info =>
  Object.fromEntries(Object.entries(info).filter(([, value]) => value === null || FLAT.has(typeof value)))
