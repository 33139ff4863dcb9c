import { once } from 'node:events'
import { connect } from 'node:net'

const CONNECTIONS = 10

/**
 * Asks so many times on ten connections, each again as soon as it is answered. It looks at nothing but the length of
 * the answers, which is always the same, so that it never is what holds up the server.
 */
export const load = async (port: number, requests: number): Promise<void> => {
  const request = `GET / HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\nConnection: keep-alive\r\n\r\n`
  let left = requests
  const client = async (): Promise<void> => {
    const socket = connect(port, '127.0.0.1')
    socket.setNoDelay()
    await once(socket, 'connect')
    socket.write(request)
    const [answer] = (await once(socket, 'data')) as [Buffer]
    left--
    if (!answer.toString('latin1').endsWith('hello')) throw new Error(`this is no whole answer: ${answer}`)
    await new Promise<void>((resolve, reject) => {
      let received = 0
      const ask = (): void => {
        if (left-- > 0) socket.write(request)
        else resolve()
      }
      socket.on('data', chunk => {
        received += chunk.length
        if (received < answer.length) return
        received = 0
        ask()
      })
      socket.on('error', reject).on('close', () => reject(new Error('a connection was closed')))
      ask()
    })
    socket.destroy()
  }
  await Promise.all(Array.from({ length: CONNECTIONS }, client))
}
