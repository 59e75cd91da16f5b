/**
 * Replays recorded inputs against a policy: same inputs, same policy, same decisions, bit for bit. Under another policy it answers what that one would have said; verbs on a
 * handle it refused are skipped.
 *
 * It uses the public governor alone, with a clock that reads what was recorded.
 */

import type { Decision, Denial } from './decision.ts'
import { createGovernor, type Governor } from './governor.ts'
import type { Connection, MemoryAccount, MemoryPriority, ScopeView, Span, Stream } from './handles.ts'
import type { PolicyInput } from './policy/policy.ts'
import type { RecordedInput } from './recorder.ts'

/** What one line came to. `skipped`: it speaks of a handle that was refused here, or of none. */
export interface ReplayedInput {
  readonly input: RecordedInput
  readonly allow: boolean | 'skipped'
  readonly denial?: Denial
  readonly would?: Denial
}

export interface Replay {
  readonly results: readonly ReplayedInput[]
  /** As it stands after the last line. */
  readonly governor: Governor
}

type Holder = Connection | Stream | Span | ScopeView

/** Plain copies, so that results compare by value. */
function settle(input: RecordedInput, decision: Decision<unknown>): ReplayedInput {
  if (!decision.allow) return { input, allow: false, denial: plain(decision.denial) }
  return decision.would === undefined ? { input, allow: true } : { input, allow: true, would: plain(decision.would) }
}

function plain(denial: Denial): Denial {
  return JSON.parse(JSON.stringify(denial)) as Denial
}

const DIRECTIONS = { i: 'inbound', o: 'outbound' } as const

class Player {
  readonly governor: Governor
  readonly results: ReplayedInput[] = []
  readonly #clock: { nowMs: number }
  readonly #keepsPolicy: boolean
  readonly #holders: Map<string, Holder> = new Map()
  #opens = 0
  #streams = 0
  #spans = 0
  #views = 0

  constructor(first: RecordedInput | undefined, policy: PolicyInput | undefined) {
    this.#keepsPolicy = policy !== undefined
    this.#clock = { nowMs: first?.t ?? 0 }
    const recorded = first?.v === 'policy' ? first : undefined
    const [memoryBytes, fileDescriptors] = recorded?.m ?? []
    const machine = memoryBytes === undefined || fileDescriptors === undefined ? {} : { machine: { memoryBytes, fileDescriptors } }
    // Chance only spreads hashes; it decides nothing.
    this.governor = createGovernor({
      policy: policy ?? recorded?.policy ?? {},
      clock: { now: () => this.#clock.nowMs },
      random: () => 0,
      ...machine,
    })
  }

  play(input: RecordedInput): void {
    this.#clock.nowMs = input.t
    this.results.push(this.#handles(input) ?? this.#node(input))
  }

  /** Verbs on handles. */
  #handles(input: RecordedInput): ReplayedInput | undefined {
    switch (input.v) {
      case 'open':
        return this.#keep(input, `c${++this.#opens}`, this.governor.openConnection(input.a, DIRECTIONS[input.d], input.x))
      case 'peer':
        return this.#on(input, this.#connection(input.c), connection => connection.setPeer(input.p))
      case 'stream': {
        const name = `s${++this.#streams}`
        const connection = this.#connection(input.c)
        return connection === undefined ? skip(input) : this.#keep(input, name, connection.openStream(DIRECTIONS[input.d]))
      }
      case 'protocol':
        return this.#on(input, this.#stream(input.s), stream => stream.setProtocol(input.n))
      case 'service':
        return this.#on(input, this.#stream(input.s), stream => stream.setService(input.n))
      case 'span': {
        const name = `p${++this.#spans}`
        const owner = this.#holders.get(input.o)
        return owner === undefined ? skip(input) : this.#keep(input, name, owner.openSpan())
      }
      case 'reserve':
      case 'force':
      case 'free':
        return this.#bytes(input, this.#holders.get(input.o)?.memory)
      case 'release': {
        const handle = this.#holders.get(input.o)
        if (handle === undefined || !('release' in handle)) return skip(input)
        handle.release()
        return { input, allow: true }
      }
      default:
        return undefined
    }
  }

  /** Verbs on the governor. */
  #node(input: RecordedInput): ReplayedInput {
    const { governor } = this
    switch (input.v) {
      case 'policy':
        if (!this.#keepsPolicy && this.results.length > 0) governor.setPolicy(input.policy)
        return { input, allow: true }
      case 'spend': {
        if (input.c !== undefined) return this.#on(input, this.#connection(input.c), connection => connection.spend(input.k, input.n))
        return input.a === undefined ? skip(input) : settle(input, governor.spend(input.k, input.a, input.n))
      }
      case 'ban':
        governor.ban(input.a, { forMs: input.ms < 0 ? Number.POSITIVE_INFINITY : input.ms, reason: input.why })
        return { input, allow: true }
      case 'unban':
        return { input, allow: governor.unban(input.a) }
      case 'verify':
        return { input, allow: governor.shouldVerifySource(input.a) }
      case 'allow':
        governor.allow(input.a)
        return { input, allow: true }
      case 'disallow':
        return { input, allow: governor.disallow(input.a) }
      case 'mode':
        governor.setMode(input.m)
        return { input, allow: true }
      case 'view':
      case 'limits': {
        const view = governor.view(input.o)
        if (view === undefined) return skip(input)
        if (input.v === 'view') this.#holders.set(`v${++this.#views}`, view)
        else view.setLimits(input.l)
        return { input, allow: true }
      }
      case 'advance':
        governor.advance()
        return { input, allow: true }
      default:
        return skip(input)
    }
  }

  #keep<H extends Holder>(input: RecordedInput, name: string, decision: Decision<H>): ReplayedInput {
    if (decision.allow) this.#holders.set(name, decision.handle)
    return settle(input, decision)
  }

  #bytes(input: RecordedInput & { readonly v: 'reserve' | 'force' | 'free' }, memory: MemoryAccount | undefined): ReplayedInput {
    if (memory === undefined) return skip(input)
    if (input.v === 'reserve') return settle(input, memory.reserve(input.n, input.p as MemoryPriority | undefined))
    if (input.v === 'force') return { input, allow: memory.force(input.n) }
    memory.free(input.n)
    return { input, allow: true }
  }

  #on<H>(input: RecordedInput, handle: H | undefined, act: (handle: H) => Decision): ReplayedInput {
    return handle === undefined ? skip(input) : settle(input, act(handle))
  }

  #connection(id: number): Connection | undefined {
    return this.#holders.get(`c${id}`) as Connection | undefined
  }

  #stream(id: number): Stream | undefined {
    return this.#holders.get(`s${id}`) as Stream | undefined
  }
}

function skip(input: RecordedInput): ReplayedInput {
  return { input, allow: 'skipped' }
}

/**
 * Plays a recording from its first line. @param policy in force throughout instead of the recorded ones. @default the recorded policies
 * @throws PolicyError on a policy that cannot be put in force, MisuseError on a line no governor recorded
 */
export function replay(entries: Iterable<RecordedInput>, policy?: PolicyInput): Replay {
  let player: Player | undefined
  for (const entry of entries) {
    player ??= new Player(entry, policy)
    player.play(entry)
  }
  player ??= new Player(undefined, policy)
  return { results: player.results, governor: player.governor }
}
