// Pages that follow a dashboard, and clients that connect and never read; says so once all are there.
import { once } from 'node:events'
import { get, type IncomingMessage } from 'node:http'
import { connect } from 'node:net'

const [port, watching, stuck] = process.argv.slice(2).map(Number) as [number, number, number]
for (let n = 0; n < watching; n++) {
  const [response] = (await once(get({ host: '127.0.0.1', port, path: '/events', agent: false }), 'response')) as [
    IncomingMessage,
  ]
  response.resume()
  if (response.statusCode !== 200) throw new Error(`status ${response.statusCode}`)
}
for (let n = 0; n < stuck; n++) {
  const socket = connect({ host: '127.0.0.1', port }).on('error', () => {})
  await once(socket, 'connect')
  socket.pause().write('GET /events HTTP/1.1\r\nhost: localhost\r\n\r\n')
}
process.send!('there')
setInterval(() => {}, 1_000)
