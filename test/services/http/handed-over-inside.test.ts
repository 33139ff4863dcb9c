import { once } from 'node:events'
import { createServer } from 'node:http'
import { serviceGroup } from 'rx-service-group'
import { http } from 'rx-service-group/http'
import { expect, onTestFinished, test } from 'vitest'
import { WebSocket, WebSocketServer } from 'ws'
import { listenToConsole } from '../../../src/process/console-lines.ts'

/** A server that answers each message of a WebSocket, and prints it. */
const chat = (name: string) => {
  const server = createServer()
  new WebSocketServer({ server }).on('connection', socket => {
    socket.on('message', message => {
      process.stdout.write(`${name} got ${message}\n`)
      socket.send('thanks')
    })
  })
  return server
}

test('the messages of a WebSocket are work of the service, also of a server that listened before', async () => {
  const heard: string[] = []
  const console = listenToConsole('shop', (path, { text }) => heard.push(`${path}: ${text}`))
  onTestFinished(() => console.stop())
  const before = chat('before')
  before.listen(0, '127.0.0.1')
  await once(before, 'listening')
  const group = serviceGroup('shop')
    .add(http('api', chat('api'), { host: '127.0.0.1' }))
    .add(http('before', before))
  onTestFinished(() => group.stop().then(() => {}))
  await group.start()
  for (const name of ['api', 'before']) {
    const port = group.status.service(`shop/${name}`)!.state.info?.['port']
    const socket = new WebSocket(`ws://127.0.0.1:${port}`)
    await once(socket, 'open')
    for (const message of ['one', 'two']) {
      socket.send(message)
      await once(socket, 'message')
    }
    socket.close()
  }
  expect(heard).toEqual(
    ['api', 'before'].flatMap(name => ['one', 'two'].map(text => `shop/${name}: ${name} got ${text}`)),
  )
})
