import { ServiceError } from 'rx-service-group'
import { type GrpcOptions, grpc } from 'rx-service-group/grpc'
import { expect, test, vi } from 'vitest'
import { holdSocket, startWithSockets } from '../../support/held-socket.ts'
import { drive } from '../http/driver.ts'
import { echoClient, say } from './echo.ts'

const program = new URL('rpc-process.ts', import.meta.url)

test('a gRPC server takes a socket that it is passed, and leaves it open for the next process', async () => {
  const socket = await holdSocket()
  for (const _process of [1, 2]) {
    const child = startWithSockets(program, [socket], { LISTEN_FDNAMES: 'rpc' })
    await child.says(`listening on ${socket.port}`)
    const client = echoClient(socket.port)
    expect(await say(client, '1')).toBe('1')
    child.kill('SIGTERM')
    expect(await child.ended).toMatchObject({ code: 0 })
    client.close()
  }
}, 60_000)

test('a gRPC server listens on one socket, so a name of several is an error', async () => {
  vi.stubEnv('LISTEN_FDS', '2')
  vi.stubEnv('LISTEN_FDNAMES', 'rpc:rpc')
  vi.stubEnv('LISTEN_PID', `${process.pid}`)
  const error = await drive(grpc('rpc', () => {}, { fd: 'rpc' })).ended()
  vi.unstubAllEnvs()
  expect(error).toMatchObject({
    code: 'ERR_START_FAILED',
    message:
      'service "rpc": can\'t listen on fd "rpc": 2 sockets of that name were passed; ' +
      'give each a name of its own (FileDescriptorName= in the .socket unit)',
  })
})

test.each<[GrpcOptions, string]>([
  [{ fd: 'rpc', port: 50_051 }, 'fd and port exclude each other'],
  [{ fd: 'rpc', host: '::1' }, 'fd and host exclude each other'],
  [{ fd: -1 }, 'fd must be a number >= 0'],
])('%j is refused at once', (options, what) => {
  const make = () => grpc('rpc', () => {}, options)
  expect(make).toThrow(`service "rpc": ${what}`)
  expect(make).toThrow(ServiceError)
})
