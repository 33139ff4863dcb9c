import { resolve } from 'node:path'
import { pathToFileURL } from 'node:url'

export type Library = typeof import('rx-service-group')

/**
 * The library as built here, or the build in another `dist` folder, so that two builds can be measured side by side.
 */
export const libraryOf = (dist = ''): Promise<Library> =>
  dist === '' ? import('rx-service-group') : import(pathToFileURL(resolve(dist, 'index.js')).href)
