/**
 * OpenTelemetry's SDK and pino in a group: as observers they start before all others and stop after them, so the spans
 * and lines of the whole shutdown are flushed.
 *
 *   node --import tsx demos/recipes/telemetry.ts      (PORT=8080), then curl localhost:8080, and press Ctrl-C
 *
 * Spans wait in a batch for 5 s, and lines in a buffer of 4 kB: without a flush the last of them are lost. Observers
 * stop in reverse like all services, so the lines that the SDK's stop causes are flushed too. A whole `NodeSDK` is the
 * same: `{ start: () => sdk.start(), stop: () => sdk.shutdown() }`.
 */
import { trace } from '@opentelemetry/api'
import { BasicTracerProvider, BatchSpanProcessor, ConsoleSpanExporter } from '@opentelemetry/sdk-trace-base'
import { pino } from 'pino'
import { run, service, serviceGroup } from 'rx-service-group'
import { http } from 'rx-service-group/http'
import { log } from 'rx-service-group/log'

const provider = new BasicTracerProvider({ spanProcessors: [new BatchSpanProcessor(new ConsoleSpanExporter())] })
const lines = pino.destination({ sync: false, minLength: 4_096 })
const logger = pino(lines)

const group = serviceGroup('shop')
  // `logger.flush()` would fail where the output is a pipe, as in a container: it syncs a file.
  .add(service('logs', { stop: () => lines.flushSync() }), { observer: true })
  .add(
    service('spans', { start: () => void trace.setGlobalTracerProvider(provider), stop: () => provider.shutdown() }),
    { observer: true },
  )
  .add(
    http(
      'api',
      (request, response) =>
        trace.getTracer('shop').startActiveSpan(`${request.method} ${request.url}`, span => {
          response.end('hello')
          span.end()
        }),
      { port: Number(process.env['PORT'] ?? 8080) },
    ),
  )

log(group, { to: logger })
await run(group)
