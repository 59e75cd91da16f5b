export type { AddressKind, AddressProblem, AddressTransport } from './address.ts'
export { ADDRESS_LENGTH_MAX, Address, parseAddress } from './address.ts'
export type { Clock, Random } from './clock.ts'
export type { Decision, Denial, Direction, Resource, RuleName, ScopeClass } from './decision.ts'
export { ADMITTED } from './decision.ts'
export type { PolicyProblem, SluiceErrorCode } from './errors.ts'
export { MisuseError, PolicyError, SluiceError } from './errors.ts'
export type { GovernorEvent } from './events.ts'
export type { GateEntry } from './gate/entries.ts'
export { parseEntry } from './gate/entries.ts'
export type { Governor, GovernorInit } from './governor.ts'
export { createGovernor } from './governor.ts'
export type { Connection, Handle, MemoryAccount, MemoryPriority, ScopeSelector, ScopeView, Span, Stream, Usage } from './handles.ts'
export type { Machine } from './policy/defaults.ts'
export { MACHINE_DEFAULT } from './policy/defaults.ts'
export type { Field, FieldScale, FieldType } from './policy/fields.ts'
export { FIELDS } from './policy/fields.ts'
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
export { formatSize, parseSize } from './policy/size.ts'
export type { EffectiveValue, ValueSource } from './policy/sources.ts'
export { policySources } from './policy/sources.ts'
export { suggest } from './policy/suggest.ts'
export { validatePolicy } from './policy/validate.ts'
export type { RecordedInput } from './recorder.ts'
export type { Replay, ReplayedInput } from './replay.ts'
export { replay } from './replay.ts'
export type { Ban, DenialCount, ExplainedRule, Explanation, ResourceReport, ScopeReport } from './reports.ts'
export type { GoLimits, KeptJson } from './resources/go-limits.ts'
export { exportGoLimits, importGoLimits } from './resources/go-limits.ts'
