import type { Scene } from '../scene.ts'
import { changes } from './changes.ts'
import { inside } from './inside.ts'
import { led } from './led.ts'
import { listeners } from './listeners.ts'
import { lives } from './lives.ts'
import { nested } from './nested.ts'
import { restarts } from './restarts.ts'

/** The scenes of the tests. */
export const small: readonly Scene[] = [lives, restarts, changes, nested, led, listeners, inside].flat()
