/**
 * Where each value of a policy in force came from, for people who ask why a limit is what it is. Precedence: policy, knobs, autoscale, default.
 */

import { MACHINE_DEFAULT, type Machine } from './defaults.ts'
import { CONNECTIONS_BASE, FIELDS, type Field } from './fields.ts'
import type { Policy, PolicyInput } from './policy.ts'
import { formatPath, readPolicy } from './validate.ts'

/** `policy`: written. `memory`, `connections`: follows that knob. `autoscale`: from the machine. `default`: the table's. */
export type ValueSource = 'policy' | 'memory' | 'connections' | 'autoscale' | 'default'

export interface EffectiveValue {
  /** As in `PolicyProblem`, e.g. `limits.protocols["/ipfs/id/1.0.0"].streams`. */
  readonly path: string
  readonly value: unknown
  readonly source: ValueSource
  /** What the field means, and what its default rests on. */
  readonly field: Field
}

/** Keys of the records a `*` may stand for, one list per `*`. */
function expand(field: Field, policy: Policy): string[][] {
  let nodes: { path: string[]; node: unknown }[] = [{ path: [], node: policy }]
  for (const key of field.path.split('.')) {
    nodes = nodes.flatMap(({ path, node }) => {
      if (typeof node !== 'object' || node === null) return []
      const keys = key === '*' ? Object.keys(node) : [key]
      return keys
        .filter(one => Object.hasOwn(node, one))
        .map(one => ({ path: [...path, one], node: (node as Record<string, unknown>)[one] }))
    })
  }
  return nodes.map(({ path }) => path)
}

function valueAt(policy: Policy, path: readonly string[]): unknown {
  return path.reduce<unknown>((node, key) => (node as Record<string, unknown>)[key], policy)
}

/**
 * Every value of the policy in force, in the order of the table.
 * @throws PolicyError as `validatePolicy`
 */
export function policySources(input: PolicyInput, machine: Machine = MACHINE_DEFAULT): readonly EffectiveValue[] {
  const { policy, knobs, written } = readPolicy(input, machine)
  const sourceOf = (field: Field, path: string): ValueSource => {
    if (written.has(path)) return 'policy'
    if (field.scale === 'fixed') return 'default'
    if (field.scale === 'memory') return knobs.memory === undefined ? 'autoscale' : 'memory'
    if (field.scale === 'connections' && knobs.connections !== undefined) return 'connections'
    if (field.scale === 'connections' || path === 'connections') return policy.connections === CONNECTIONS_BASE ? 'default' : 'autoscale'
    return 'autoscale'
  }
  const seen = new Set<string>()
  const values: EffectiveValue[] = []
  for (const field of FIELDS) {
    for (const path of expand(field, policy)) {
      const text = formatPath(path)
      if (seen.has(text)) continue
      seen.add(text)
      values.push({ path: text, value: valueAt(policy, path), source: sourceOf(field, text), field })
    }
  }
  return values
}
