export type { Clock, Random } from './clock.ts'
export type { Decision, Denial, Direction, Resource, RuleName, ScopeClass } from './decision.ts'
export { ADMITTED } from './decision.ts'
export type { PolicyProblem, SluiceErrorCode } from './errors.ts'
export { MisuseError, PolicyError, SluiceError } from './errors.ts'
export type { GovernorEvent } from './events.ts'
export type {
  Ban,
  Connection,
  DenialCount,
  ExplainedRule,
  Explanation,
  Governor,
  GovernorInit,
  Handle,
  MemoryAccount,
  MemoryPriority,
  ResourceReport,
  ScopeReport,
  ScopeSelector,
  ScopeView,
  Span,
  Stream,
  Usage,
} from './governor.ts'
export type {
  Limit,
  Limits,
  Mode,
  NetworkLimits,
  Policy,
  PolicyInput,
  PrefixLevel,
  PrefixLimits,
  Rate,
  RateLevel,
  ScopeLimits,
  TransportPolicy,
} from './policy/policy.ts'
export type { RecordedInput } from './recorder.ts'
