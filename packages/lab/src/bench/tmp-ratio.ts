import { goProgram } from '../interop/go.ts'
import { nodeCommand } from '../interop/lines.ts'
import { block } from './resources/resources.ts'
const go = (await goProgram('rcmgrbench')) as any
const ours = { name: 'ours', command: nodeCommand(new URL('resources/child.ts', import.meta.url)), metrics: 'default' as const }
const theirs = { name: 'go', command: [go.path ?? go.file ?? go.program] as any, metrics: 'off' as const }
for (const [operation, peers] of [['connection cycle', 1], ['connection cycle', 1000], ['connection cycle', 100000], ['stream cycle', 1000], ['stream cycle', 100000], ['refusal', 1000]] as const) {
  const r: string[] = []
  for (let k = 0; k < 3; k++) { const a = await block(ours, { name: '', operation, peers }, 0.3); const b = await block(theirs, { name: '', operation, peers }, 0.3); r.push(`${(a / 1e6).toFixed(2)}/${(b / 1e6).toFixed(2)}=${(a / b).toFixed(1)}`) }
  console.log(operation, peers, r.join('  '))
}
