import type { Report, ServiceReport } from '../core/status/report.ts'
import { signalNumber } from './signals.ts'

/**
 * 0 when all ended gracefully, 1 when not, 128+n when a later signal forced the shutdown. The failure of an optional
 * service does not count, since its group can do without it. An optional service that was forced or abandoned counts.
 */
export const exitCodeOf = (report: Report, uncaught: number, forcedBy: NodeJS.Signals | undefined): number => {
  if (forcedBy) return 128 + signalNumber(forcedBy)
  return uncaught === 0 && (report.ok || failedOnlyOptionally(report)) ? 0 : 1
}

const failedOnlyOptionally = ({ outcome, services }: Report): boolean => {
  const optional = services.filter(service => service.optional)
  const isOptional = ({ path }: ServiceReport): boolean =>
    optional.some(other => path === other.path || path.startsWith(`${other.path}/`))
  return (
    isGraceful(outcome) && services.every(service => isFine(service) || (hasFailed(service) && isOptional(service)))
  )
}

const isGraceful = (outcome: Report['outcome']): boolean => outcome === 'ended' || outcome === 'stopped'

const isFine = ({ outcome, timedOut, down, error }: ServiceReport): boolean =>
  (isGraceful(outcome) || outcome === 'never started') && timedOut.length === 0 && !down && !error

const hasFailed = ({ outcome, down }: ServiceReport): boolean =>
  outcome === 'failed' || outcome === 'never started' || down === true
