/**
 * The thread of the watchdog, `watchdog-worker.ts` with all it imports, as the source of one script: so it is there in a
 * bundle too, where no file is beside it. `npm run build` puts it in place of this file.
 */
declare const source: string
export default source
