import { defer, finalize } from 'rxjs'
import { callable } from '../../core/options.ts'
import { checkName, type Service, service } from '../../core/service.ts'
import { makeLife } from './life.ts'
import type { BullmqWorker, Processor } from './worker.ts'

export type { BullmqJob, BullmqWorker, Processor } from './worker.ts'

/**
 * A BullMQ worker as a service: running when it is connected. Its jobs are counted, so that the drain tells how many
 * are `pending`.
 *
 * Draining, it takes no further job and finishes those it has. Jobs that are left when the drain time is over are cut,
 * and told: `info: { cut: 1, cutWork: 'mails/7 (12.3 s)' }`. Their `signal` aborts, and BullMQ gives them to another
 * worker once their lock has expired. While Redis is away at the start, the start waits, and `info.waitsFor` tells why.
 * Later the health is `fail` until Redis answers again. A job that fails is told as a `failure` event.
 *
 * @param processor the function for each job, as BullMQ calls it
 * @param create makes the worker of each incarnation. It passes on the processor that it is given, which counts.
 * @throws ServiceError `ERR_INVALID_NAME`, `ERR_INVALID_OPTION`; its lifecycle fails with `ERR_START_FAILED` when the
 * worker can't be made, `ERR_START_TIMEOUT` when Redis does not answer in time
 * @example
 * ```ts
 * import { type Job, Worker } from 'bullmq'
 *
 * const sendMail = async (job: Job<{ to: string }>) => console.log(`to ${job.data.to}`)
 * const connection = { host: 'localhost', port: 6379 }
 * const mails = bullmqWorker('mails', sendMail, processor => new Worker('mails', processor, { connection }))
 * const group = serviceGroup('shop').add(mails)
 * ```
 */
export const bullmqWorker = <const Name extends string, Handler extends Processor>(
  name: Name,
  processor: Handler,
  create: (processor: Handler) => BullmqWorker,
): Service<Name> => {
  checkName(name)
  callable(name, 'processor', processor)
  callable(name, 'create', create)
  return {
    name,
    lifecycle: shutdown$ =>
      defer(() => {
        const { hooks, letGo } = makeLife(processor, create)
        return service(name, hooks).lifecycle(shutdown$).pipe(finalize(letGo))
      }),
  }
}
