// The engine under exploration: as built here, or another build whose `dist` folder the environment names.
import { libraryOf } from '../bench/library.ts'

export const { canFollow, foldStatus, serviceGroup } = await libraryOf(process.env['EXPLORED_DIST'])
