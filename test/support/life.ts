import type { Phase, Service } from 'rx-service-group'
import { type Drive, drive } from 'rx-service-group/testing'

export interface Life extends Drive {
  /** The phases so far, each told once. */
  phases(): readonly Phase[]
  /** What its lifecycle ends with: an error, or `undefined`. */
  ended(): Promise<unknown>
}

/** One life of a service of which a test asks how it went and how it ended. */
export const live = (service: Service): Life => {
  const life = drive(service)
  return {
    ...life,
    phases: () => life.states.map(({ phase }) => phase).filter((phase, i, all) => phase !== all[i - 1]),
    ended: () =>
      life.gone().then(
        () => undefined,
        error => error,
      ),
  }
}
