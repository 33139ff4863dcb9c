/** A job, as far as this library looks at it. */
export interface BullmqJob {
  readonly id?: string | undefined
  readonly name: string
  readonly queueName?: string
}

/** The function for each job. BullMQ gives it the job, a token, and a signal that aborts when the job is cancelled. */
// biome-ignore lint/suspicious/noExplicitAny: the job of the user's own type
export type Processor = (job: any, token?: string, signal?: AbortSignal) => Promise<any>

/** A `Worker` of BullMQ, as far as this library uses it. */
export interface BullmqWorker {
  waitUntilReady(): Promise<unknown>
  isRunning(): boolean
  run(): Promise<void>
  pause(doNotWaitActive?: boolean): Promise<void>
  close(force?: boolean): Promise<void>
  disconnect(): Promise<void>
  /** Aborts the signals of all jobs. Older versions lack it. */
  cancelAllJobs?(reason?: string): void
  on(event: 'error', listener: (error: Error) => void): unknown
  on(event: 'failed', listener: (job: BullmqJob | undefined, error: Error, previous: string) => void): unknown
}

interface Client {
  info?(): Promise<unknown>
}

/**
 * Resolves when Redis answers again: the client holds back commands while it is not connected. The client is that of
 * the backend since BullMQ 6, and before that the worker's own.
 */
export const answered = async (worker: BullmqWorker): Promise<void> => {
  const { backend, client } = worker as { backend?: { client?: Promise<Client> }; client?: Promise<Client> }
  await (await (backend?.client ?? client))?.info?.()
}
