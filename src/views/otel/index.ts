import type { Meter, Tracer } from '@opentelemetry/api'
import { Subscription } from 'rxjs'
import type { ServiceGroup } from '../../core/group/service-group.ts'
import { optionalPackage } from '../../core/optional-package.ts'
import { known, namesOf } from '../../core/options.ts'
import { measure } from './measure.ts'
import loadApi from './opentelemetry.cts'
import { spans } from './spans.ts'

/** Where spans and metrics of a group go. */
export interface OtelOptions {
  /** Default `trace.getTracer('rx-service-group')`. */
  readonly tracer?: Tracer
  /** Default `metrics.getMeter('rx-service-group')`, which does nothing unless the SDK was set up before. */
  readonly meter?: Meter
}

const OTEL = { kind: 'otel', name: '' }

const OPTIONS = namesOf<OtelOptions>({ tracer: true, meter: true })

/**
 * A trace of the start and one of the shutdown of a group, and its metrics, through the OpenTelemetry API. In a trace
 * the group is the root, nested groups nest, and each service has a span for its wait, start, drain and stop; what goes
 * wrong is the status of its span, with the error as an exception. A service that crashes while the group runs has a
 * span `crash`, and one `restart` from then until it runs again. Both have the exception, and link to what was before:
 * the crash to the start of the incarnation that it ended, the restart to the crash, each start to the start before.
 * Give it the outermost group, once the SDK is set up.
 *
 * The numbers that a service tells in its `info` are observed as `service_group.service.count` when they count up, such
 * as `handled`, and as `service_group.service.figure` otherwise: ten at most, by the rule of the metrics for
 * Prometheus.
 *
 * @returns what ends it: open spans are ended, and nothing is observed any more. It is not closed by the end of the
 * group, whose last values can still be exported.
 * @throws ServiceError `ERR_INVALID_OPTION`, `ERR_MISSING_PACKAGE`
 * @example
 * ```ts
 * const group = serviceGroup('shop').add(service('db', {}))
 * otel(group)
 * await group.start()
 * await group.stop()
 * ```
 */
export const otel = (
  group: Pick<ServiceGroup<string, never>, 'name' | 'events$'>,
  options: OtelOptions = {},
): Subscription => {
  known(OTEL, options, OPTIONS)
  const api = optionalPackage<typeof import('@opentelemetry/api')>(OTEL, '@opentelemetry/api', loadApi)
  const { tracer = api.trace.getTracer('rx-service-group'), meter = api.metrics.getMeter('rx-service-group') } = options
  const both = new Subscription()
  both.add(spans(api, group, tracer))
  both.add(measure(group, meter))
  return both
}
