/**
 * The thread of the watchdog, `watchdog-worker.ts` with all its imports, as the source of one script. A bundle has it
 * too, though no file is beside it. `npm run build` puts the source in place of this file.
 */
export declare const source: string
