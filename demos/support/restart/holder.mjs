/*
 * Holds a listening socket open and accepts nobody, as systemd does. Node accepts as soon as it listens, so this thread
 * stops for good: connections wait in the queue of the socket.
 */
import { createServer } from 'node:net'
import { parentPort } from 'node:worker_threads'

const server = createServer().listen(0, '127.0.0.1', () => {
  parentPort.postMessage({ port: server.address().port, fd: server._handle.fd })
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0)
})
