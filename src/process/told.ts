import { systemClock, wallTime } from '../core/clock.ts'
import type { ServiceGroup } from '../core/group/service-group.ts'
import { shared } from '../core/shared.ts'
import { isFinal, type StopReason } from '../core/state.ts'
import type { GroupEvent } from '../core/status/events.ts'
import type { GroupStatus } from '../core/status/status.ts'
import { visible } from '../core/text/visible.ts'
import { isClusterWorker } from './cluster.ts'
import { tellOf } from './output.ts'
import { hasPm2AsParent, tellPm2Ready } from './pm2.ts'
import { takeAsked } from './systemd/environment.ts'
import { Notifier } from './systemd/notifier.ts'
import { headOf, statusText } from './systemd/status-text.ts'
import { Systemd } from './systemd/systemd.ts'
import { inTestRunner } from './test-runner.ts'

/** One run, as far as the platform is told of it. */
interface Life {
  readonly name: string
  readonly status: () => GroupStatus
  /** The group was ready, and may be leaving since. */
  ready: boolean
  /** The group is leaving, and the process ends with it. */
  ending: boolean
  /** When its shutdown is over at the latest, by the monotonic clock. */
  overBy: number
}

/** How long the last datagram may take, in milliseconds. The end of a process does not wait longer for it. */
const LAST_WITHIN = 1_000

/** The platform is told of all runs of a process together: it knows the process only. */
class Told {
  readonly #lives = new Set<Life>()
  #notifier: Notifier | undefined
  #systemd: Systemd | undefined
  #wasReady = false
  #isReady = false
  #isEnding = false
  #change: { readonly atOnce: boolean; readonly progress: boolean } | undefined

  begin(life: Life): void {
    this.#hearSystemd(life.name)
    const isFirst = this.#lives.size === 0
    this.#lives.add(life)
    if (isFirst) this.#isReady = false
    this.#systemd?.begin()
    if (isFirst && this.#wasReady && !this.#isEnding) this.#systemd?.reloading()
  }

  /**
   * Tells what has changed once this turn is over: a change of a group is several events.
   *
   * @param atOnce the change is more than another number
   * @param progress a service has drained or stopped further: its phase, or its pending work, is another
   */
  changed(atOnce: boolean, progress = false): void {
    if (!this.#change) queueMicrotask(() => this.#tellChange())
    this.#change = { atOnce: this.#change?.atOnce || atOnce, progress: this.#change?.progress || progress }
  }

  #tellChange(): void {
    const change = this.#change
    this.#change = undefined
    if (!change || this.#lives.size === 0) return
    const lives = [...this.#lives]
    if (!this.#isEnding && lives.every(({ ending }) => ending)) {
      this.#isEnding = true
      this.#systemd?.stopping()
    } else if (!this.#isReady && !this.#isEnding && lives.every(({ ready }) => ready)) {
      this.#isReady = true
      if (!this.#wasReady && hasPm2AsParent()) tellPm2Ready()
      this.#wasReady = true
      this.#systemd?.ready()
    } else this.#systemd?.changed(change.atOnce, change.progress)
  }

  async end(life: Life): Promise<void> {
    this.#tellChange()
    if (this.#lives.size === 1 && this.#lives.has(life)) this.#systemd?.end()
    if (this.#lives.delete(life) && this.#lives.size > 0) this.changed(true)
    await this.#notifier?.sent(LAST_WITHIN)
  }

  #hearSystemd(name: string): void {
    // PM2 and a primary of a cluster pass the variables of systemd on: it is them that systemd has started.
    const asked = process.env['pm_id'] !== undefined || isClusterWorker() ? undefined : takeAsked()
    if (!asked) return
    this.#notifier = new Notifier(asked.socket, problem => void tellOf(name, problem))
    const lives = (): readonly Life[] => [...this.#lives]
    this.#systemd = new Systemd(
      this.#notifier,
      {
        text: () => textOf(lives()),
        isWell: () => lives().every(({ status }) => status().phase !== 'failed'),
        timeLeft: () =>
          lives().reduce((most, { status, overBy }) => {
            return isFinal(status().group.state) ? most : Math.max(most, overBy - performance.now())
          }, 0),
      },
      asked.watchdog && asked.watchdog / 2,
    )
  }
}

const textOf = (lives: readonly Life[]): string => {
  const now = wallTime(systemClock)
  const texts = lives.map(({ name, status }) => ({ name, text: statusText(status(), now) }))
  return texts.length === 1 ? texts[0]!.text : texts.map(({ name, text }) => `${visible(name, 40)} ${text}`).join(' | ')
}

/** All copies of this library in the process tell the platform together. */
const told = shared('told.1', () => new Told())

/**
 * Tells systemd and PM2 of the life of a group, where they listen.
 *
 * @param ends whether the process ends with a shutdown for this reason
 * @param longest how long the whole shutdown may take, in milliseconds
 * @returns ends that. Settles when all is sent, after a second at most.
 */
export const tellPlatform = (
  group: ServiceGroup<string, never>,
  ends: (reason: StopReason) => boolean,
  longest: number,
): (() => Promise<void>) => {
  // The process is that of the test runner.
  if (inTestRunner()) return async () => {}
  const life: Life = { name: group.name, status: () => group.status, ready: false, ending: false, overBy: Infinity }
  const all = told()
  all.begin(life)
  const progress = new Progress(group.name)
  let last: string | undefined
  const events = group.events$.subscribe(event => {
    const { status } = group
    const { trigger, ready, phase } = status
    if (phase === 'idle') return
    life.ready ||= ready
    if (!life.ending && trigger && ends(trigger)) {
      life.ending = true
      life.overBy = performance.now() + longest
    }
    const head = headOf(status)
    all.changed(head !== last, trigger !== undefined && progress.isMadeBy(event))
    last = head
  })
  return async () => {
    events.unsubscribe()
    await all.end(life)
  }
}

/** The progress of a shutdown: a service has another phase, or another number of pieces of work to finish. */
class Progress {
  readonly #group: string
  readonly #known = new Map<string, string>()

  constructor(group: string) {
    this.#group = group
  }

  isMadeBy(event: GroupEvent): boolean {
    if (event.kind !== 'transition' || event.path === this.#group) return false
    const { path, state } = event
    const now = `${state.phase} ${'pending' in state ? state.pending : ''}`
    if (this.#known.get(path) === now) return false
    this.#known.set(path, now)
    return true
  }
}
