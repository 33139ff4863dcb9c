/**
 * Connections that never end by themselves: a WebSocket and an event stream are open, a request is under way, and the
 * group is told to go. Nothing in the app knows about it.
 *
 *   node --import tsx demos/11-websocket-and-sse.ts
 *
 * The WebSocket is told to close (1001, going away), the event stream comes to its end, and the request is answered
 * before the database goes. The clients are real ones, in the same program, and say what they see.
 */
import { createServer } from 'node:http'
import { setTimeout as delay } from 'node:timers/promises'
import express from 'express'
import { service, serviceGroup } from 'rx-service-group'
import { http } from 'rx-service-group/http'
import { log } from 'rx-service-group/log'
import { interval } from 'rxjs'
import { WebSocket, WebSocketServer } from 'ws'

const app = express()
  .get('/report', async (_, response) => {
    await delay(1_500)
    response.send('the report')
  })
  .get('/ticks', (_, response) => {
    response.writeHead(200, { 'content-type': 'text/event-stream' })
    const ticks = interval(200).subscribe(n => response.write(`data: tick ${n}\n\n`))
    response.on('close', () => ticks.unsubscribe())
  })
const server = createServer(app)
new WebSocketServer({ server }).on('connection', socket => {
  const ticks = interval(200).subscribe(n => socket.send(`tick ${n}`))
  socket.on('close', () => ticks.unsubscribe())
})

const api = http('api', server, { host: '127.0.0.1' })
const group = serviceGroup('shop')
  .add(service('db', { stop: () => delay(200) }))
  .add(api)
log(group)
await group.start()

const url = api.url!
const heardOf = new Set<string>()
const say = (client: string, saw: string) => {
  heardOf.add(client)
  console.log(`                        ${client.padEnd(12)}  ${saw}`)
}

const webSocket = async () => {
  const socket = new WebSocket(url)
  socket.on('message', data => say('WebSocket', String(data)))
  const [code] = await new Promise<[number]>(resolve => socket.on('close', code => resolve([code])))
  say('WebSocket', `closed with ${code}`)
}

const eventStream = async () => {
  const { body } = await fetch(`${url}/ticks`)
  for await (const event of body!.pipeThrough(new TextDecoderStream())) say('event stream', event.trim())
  say('event stream', 'came to its end')
}

const request = async () => {
  say('request', 'sent')
  const response = await fetch(`${url}/report`)
  say('request', `answered: ${await response.text()}, connection: ${response.headers.get('connection')}`)
}

const clients = [webSocket(), eventStream(), request()]
while (heardOf.size < clients.length) await delay(100)
await delay(200)
await group.stop('the story is told')
await Promise.all(clients)
