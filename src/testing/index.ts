export {
  type ConformanceCheck,
  type ConformanceSubject,
  serviceConformance,
  type Work,
} from './conformance/index.ts'
export { type Drive, drive } from './drive.ts'
export type { Conduct, FakeHook, HookName } from './fake-hook.ts'
export { type Asked, type FakeOptions, type FakeService, fakeService } from './fake-service.ts'
export { describeState, recordTrace, type Trace, type TraceOptions } from './trace.ts'
export { type VirtualTime, virtualTime } from './virtual-time.ts'
