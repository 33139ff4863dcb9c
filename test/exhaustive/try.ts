import { explore } from './explore.ts'
import { groups } from './scenes.ts'

Error.stackTraceLimit = 0
const [max = '3000', ...only] = process.argv.slice(2)
for (const [name, scenes] of Object.entries(groups))
  if (only.length === 0 || only.includes(name))
    for (const scene of scenes) {
      const t = performance.now(),
        c = process.cpuUsage().user
      const { faults, ...x } = await explore(scene, { faults: 10, states: Number(max) })
      console.log(
        name,
        scene.title,
        JSON.stringify(x),
        Math.round(performance.now() - t),
        (process.cpuUsage().user - c) / 1e6,
      )
      for (const f of faults) console.log('    ', f.message.slice(0, 900), '\n        ', f.inputs.join(' '))
    }
