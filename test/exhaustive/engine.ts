// The engine under exploration: as built here, or another build whose `dist` folder the environment names.
import type { ServiceGroup } from 'rx-service-group'
import { libraryOf } from '../bench/library.ts'

export const { canFollow, foldStatus, serviceGroup } = await libraryOf(process.env['EXPLORED_DIST'])

/**
 * What the engine knows of a group beside its status, as text. Without it two situations count as the same when their
 * status, and the inputs that led to them, are the same.
 */
export const factsOf: ((group: ServiceGroup) => string) | undefined = undefined
