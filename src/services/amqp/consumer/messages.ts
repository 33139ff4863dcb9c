import type { ConsumeMessage } from 'amqplib'
import { defer, finalize, map, type Observable, Subscription } from 'rxjs'
import type { ServiceContext } from '../../../core/hooks/hook-call.ts'
import { callable } from '../../../core/options.ts'
import { checkName, type Service, service } from '../../../core/service.ts'
import type { ServiceState } from '../../../core/state.ts'
import { atLeast, ShutdownSteps } from '../../../core/steps.ts'
import { consumption } from './consumption.ts'
import { type BodyOf, type Decode, decoder } from './decode.ts'
import { type AmqpSourceOptions, type MessageContext, type Settings, settingsOf } from './options.ts'
import { runPipeline } from './pipeline.ts'

/** A message on its way through a pipeline. */
export interface AmqpMessage<T = unknown> extends MessageContext {
  readonly body: T
  /** Acknowledges it, as coming out of the pipeline does: for one that won't come out. */
  ack(): void
  /** It failed: what becomes of it says `onError`. The pipeline and the other messages go on. */
  fail(error: unknown): void
}

/** A pipeline for messages: each message that comes out of it, alone or in an array, is acknowledged. */
export type AmqpPipeline<T = unknown> = (
  messages$: Observable<AmqpMessage<T>>,
) => Observable<AmqpMessage<T> | readonly AmqpMessage<T>[]>

/**
 * A RabbitMQ queue as an Observable of messages, to compose with operators: batches, order by key, joins with other
 * streams. What comes out of the pipeline is acknowledged; a message that is filtered out needs its `ack()`, and one
 * that can't be done its `fail(error)`. The broker sends no more than `prefetch` that have not come out, so give room
 * for a batch to fill.
 *
 * Everything else is as with `amqpConsumer`: connections, declared queues, `onError`, health, `info`. Asked to drain,
 * `messages$` completes, so that buffers flush; it has drained when the pipeline has completed. When the drain time is
 * over the pipeline is unsubscribed, and what it holds is given back. An error of the pipeline fails the service, once
 * what it holds was given back; a pipeline that completes by itself ends the service.
 *
 * @throws ServiceError as `amqpConsumer`
 * @example
 * ```ts
 * const index = amqpMessages('index', { url: 'amqp://localhost', queue: 'changes', prefetch: 500 }, messages$ =>
 *   messages$.pipe(
 *     bufferTime(200, null, 100),
 *     filter(batch => batch.length > 0),
 *     concatMap(async batch => {
 *       console.log('written', batch.map(({ body }) => body))
 *       return batch
 *     }),
 *   ),
 * )
 * ```
 */
export const amqpMessages = <const Name extends string, D extends Decode, T extends BodyOf<D> = BodyOf<D>>(
  name: Name,
  options: AmqpSourceOptions<D>,
  pipeline: AmqpPipeline<T>,
): Service<Name> => {
  checkName(name)
  const settings = settingsOf(name, options)
  callable(name, 'pipeline', pipeline)
  const decode = decoder(name, settings.decode)
  return {
    name,
    lifecycle: shutdown$ =>
      defer(() => {
        const level = new ShutdownSteps()
        const asked = shutdown$.subscribe(shutdown => level.raise(shutdown))
        // A pipeline that has completed leaves as if it had been asked to, and says that nobody did.
        let hasEnded = false
        const onComplete = () => {
          if (atLeast(level.latest, 'drain')) return
          hasEnded = true
          level.raise({ step: 'stop', reason: { by: 'end', service: name } })
        }
        return oneLife(name, settings, decode, pipeline as AmqpPipeline, onComplete)
          .lifecycle(level)
          .pipe(
            map((state): ServiceState => (hasEnded && isStopped(state) ? { ...state, how: 'ended' } : state)),
            finalize(() => asked.unsubscribe()),
          )
      }),
  }
}

const isStopped = (state: ServiceState): state is Extract<ServiceState, { phase: 'stopped' }> =>
  state.phase === 'stopped' && state.how === 'stopped'

const oneLife = <Name extends string>(
  name: Name,
  settings: Settings,
  decode: (message: ConsumeMessage) => unknown,
  pipeline: AmqpPipeline,
  onComplete: () => void,
): Service<Name> => {
  const life = new Subscription()
  const running = runPipeline(name, pipeline, decode)
  const { hooks, fail } = consumption(settings, life, running.worker)
  // It consumes only some turns later, so the pipeline is there when the first message comes.
  const start = (context: ServiceContext) => {
    const started = hooks.start?.(context)
    running.start(fail, onComplete)
    return started
  }
  return {
    name,
    lifecycle: shutdown$ =>
      service(name, { ...hooks, start })
        .lifecycle(shutdown$)
        .pipe(finalize(() => life.unsubscribe())),
  }
}
