export type { Abortable } from './core/abort.ts'
export type { CheckResult, HealthCheck } from './core/behaviors/health-check.ts'
export type { Heartbeat } from './core/behaviors/heartbeat.ts'
export type { RestartOptions, RestartPolicy } from './core/behaviors/restart-options.ts'
export type { OnFailure } from './core/behaviors/watched.ts'
export type { Clock } from './core/clock.ts'
export { type CoreErrorCode, type ErrorCode, type ErrorInfo, ServiceError } from './core/errors.ts'
export type { ActionRequest } from './core/group/action-request.ts'
export type { AddOptions, OnEnd } from './core/group/entry.ts'
export type { GroupHealth } from './core/group/health.ts'
export type { GroupOptions } from './core/group/options.ts'
export { type ServiceGroup, serviceGroup } from './core/group/service-group.ts'
export type { RestartByHandOptions, ServiceHandle } from './core/group/service-handle.ts'
export type { StopOptions } from './core/group/stop-options.ts'
export type { Strategy } from './core/group/strategy.ts'
export type { GroupPlan, PlannedService } from './core/group-plan.ts'
export type { ServiceContext } from './core/hooks/hook-call.ts'
export type { HookResult } from './core/hooks/hook-result.ts'
export { fromObservable, job, type Service, type ServiceHooks, type Startable, service, task } from './core/service.ts'
export {
  canFollow,
  type Ending,
  type Health,
  type Info,
  type Phase,
  type ServiceState,
  type StateOf,
  type StopReason,
  transitions,
} from './core/state.ts'
export type { CriticalPaths } from './core/status/critical-path.ts'
export type { TransitionMessage } from './core/status/diagnostics.ts'
export type {
  AddedEvent,
  FailureEvent,
  GroupEvent,
  NumberedEvent,
  RemovedEvent,
  RequestEvent,
  RequestOutcome,
  SnapshotEvent,
  TransitionEvent,
} from './core/status/events.ts'
export type { Unready } from './core/status/reasons.ts'
export { recordEvents, replayEvents } from './core/status/recording.ts'
export { type Outcome, type Report, reportOf, type ServiceReport } from './core/status/report.ts'
export type { ServiceStatus } from './core/status/service-status.ts'
export { foldStatus, type GroupStatus } from './core/status/status.ts'
export { type Asks, asksOf, type Shutdown, type Step } from './core/steps.ts'
export { mermaid } from './core/text/mermaid.ts'
export { formatReport, type Paint } from './core/text/report-text.ts'
export { values } from './core/values.ts'
export type { WorkFailure } from './core/work-failures.ts'
export { run } from './process/run.ts'
export type { RunOptions } from './process/run-options.ts'
export { signals } from './process/signals.ts'
export type { WatchdogOptions } from './process/watchdog.ts'
