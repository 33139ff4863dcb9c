import { defer, filter, from, map, type Observable, type ObservableInput } from 'rxjs'
import { messageOf, type ServiceError } from '../errors.ts'
import { refusal } from '../options.ts'
import { transitions } from '../state.ts'
import { seenJson } from '../unseen.ts'
import type { GroupEvent } from './events.ts'
import { foldStatus, type GroupStatus } from './status.ts'

/**
 * The events of a group as NDJSON: a snapshot of the present, then one event a line, to the end of the group. A line
 * comes without its line break. Particulars (`info`) that are no JSON are left out.
 *
 * @example
 * ```ts
 * const group = serviceGroup('shop').add(service('db', {}))
 * recordEvents(group).subscribe(line => process.stdout.write(`${line}\n`))
 * await group.start()
 * await group.stop()
 * ```
 */
export const recordEvents = (group: { readonly events$: Observable<GroupEvent> }): Observable<string> =>
  group.events$.pipe(map(jsonLine))

/**
 * An object as a line of NDJSON. JSON itself does not escape all that ends a line: `readline` of Node 26 knows more.
 */
export const jsonLine = (told: object): string => seenJson(jsonOf(told))

/** An object as JSON. Never throws: the particulars of a service may hold a bigint. */
export const jsonOf = (told: object): string => {
  try {
    return JSON.stringify(told)
  } catch {
    return JSON.stringify(told, (key, value) => (key === 'info' && !isJson(value) ? undefined : value))
  }
}

const isJson = (value: unknown): boolean => {
  try {
    JSON.stringify(value)
    return true
  } catch {
    return false
  }
}

/**
 * The events of a recording. They fold to the same statuses as in the recorded process, and come as fast as they are
 * read. A later snapshot, of a recording that was added to the same file, begins anew.
 *
 * The last line may be torn, when its process was killed. Such a line is left out, and the last status tells that the
 * group had not come to its end.
 *
 * @param lines with or without line breaks (an array, `readline`, an Observable), or the whole text
 * @throws ServiceError (as an error of the Observable) `ERR_INVALID_RECORDING`, with the number of the line: a line
 * that is no event, or an event that can't follow the event before it
 * @example
 * ```ts
 * const recording = [
 *   '{"kind":"snapshot","seq":0,"at":0,"group":{"path":"shop","state":{"phase":"idle"},"seq":0,"since":0},"health":"pass","services":[]}',
 *   '{"kind":"transition","seq":1,"at":5,"path":"shop","state":{"phase":"running","health":"pass"}}',
 *   '{"kind":"transition","seq":2,"at":9,"pa',
 * ]
 * const status = await lastValueFrom(replayEvents(recording).pipe(reduce(foldStatus, undefined)))
 * console.log(status?.phase) // running
 * ```
 */
export const replayEvents = (lines: ObservableInput<string> | string): Observable<GroupEvent> =>
  defer(() => {
    const read = newReader()
    return from(typeof lines === 'string' ? lines.split('\n') : lines).pipe(
      map((line, index) => read(line, index + 1)),
      filter(event => event !== undefined),
    )
  })

/** The advice for a line that can't be read. */
const ADVICE = 'give all lines of recordEvents() in their order'

/** Reads line after line, and throws at a wrong line. A torn line is wrong once another line follows. */
const newReader = (): ((line: string, number: number) => GroupEvent | undefined) => {
  let status: GroupStatus | undefined
  let torn: ServiceError | undefined
  return (line, number) => {
    if (line.trim() === '') return undefined
    if (torn) throw torn
    const wrong = (what: string, cause?: unknown): ServiceError =>
      refusal({ kind: 'recording', name: status?.name ?? '' }, `line ${number} ${what}`, 'ERR_INVALID_RECORDING', cause)
    let event: unknown
    try {
      event = JSON.parse(line)
    } catch (error) {
      torn = wrong(`is not JSON: ${messageOf(error)}; ${ADVICE}`, error)
      if (!status) throw torn
      return undefined
    }
    if (!isEvent(event)) throw wrong(`is not an event of a group; ${ADVICE}`)
    if (event.kind !== 'snapshot') {
      if (!status) throw wrong(`is no snapshot, which a recording begins with; ${ADVICE}`)
      if (event.seq !== status.seq + 1) throw wrong(`has event ${event.seq} after event ${status.seq}; ${ADVICE}`)
    }
    try {
      status = foldStatus(status, event)
    } catch (error) {
      throw wrong(`can't be: ${messageOf(error)}; ${ADVICE}`, error)
    }
    return event
  }
}

const isEvent = (value: unknown): value is GroupEvent => {
  if (!isObject(value) || !Number.isSafeInteger(value['seq']) || typeof value['at'] !== 'number') return false
  if (value['clockSet'] !== undefined && typeof value['clockSet'] !== 'number') return false
  const { kind, path, state, group, health, services } = value
  if (kind === 'snapshot')
    return isService(group) && typeof health === 'string' && Array.isArray(services) && services.every(isService)
  // A kind that is not known is of a later version, and changes no status.
  return typeof kind === 'string' && typeof path === 'string' && (kind !== 'transition' || isState(state))
}

const isService = (value: unknown): boolean =>
  isObject(value) && typeof value['path'] === 'string' && isState(value['state'])

const isState = (value: unknown): boolean =>
  isObject(value) && typeof value['phase'] === 'string' && Object.hasOwn(transitions, value['phase'])

const isObject = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null
