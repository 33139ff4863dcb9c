/*
 * The clients, in a process of their own. Half of them keep their connection, half open one for each request. Each asks
 * again a few milliseconds after the answer. Told to stop, the process tells the figures. It ends with its parent.
 */
import { Agent, get } from 'node:http'
import { setTimeout as delay } from 'node:timers/promises'

const [port, clients] = process.argv.slice(2).map(Number)
const figures = { requests: 0, refused: 0, reset: 0, other: 0, slowest: 0 }
let isOver = false

const count = ({ code }) => {
  if (code === 'ECONNREFUSED') figures.refused++
  else if (code === 'ECONNRESET' || code === 'EPIPE') figures.reset++
  else figures.other++
}

const ask = agent =>
  new Promise((resolve, reject) => {
    get({ host: '127.0.0.1', port, agent }, response => {
      response.resume().on('end', resolve).on('error', reject)
    }).on('error', reject)
  })

const client = async (agent, pause) => {
  while (!isOver) {
    const asked = performance.now()
    figures.requests++
    try {
      await ask(agent)
      figures.slowest = Math.max(figures.slowest, performance.now() - asked)
    } catch (error) {
      count(error)
    }
    await delay(pause)
  }
  if (agent) agent.destroy()
}

const all = Array.from({ length: clients }, (_, n) =>
  client(n % 2 === 0 && new Agent({ keepAlive: true, maxSockets: 1 }), 5 + (n % 7)),
)
// Ctrl-C on a terminal reaches this process too. Its parent decides.
process.on('SIGINT', () => {})
process.on('disconnect', () => process.exit())
process.on('message', async () => {
  isOver = true
  await Promise.all(all)
  process.send(figures, () => process.disconnect())
})
