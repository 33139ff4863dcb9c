export { type App, type AppEnd, type AppErrorCode, startApp } from './app.ts'
export type { AppOptions } from './app-options.ts'
