// Services of every kind that print, and what was heard of it, as JSON in the file RESULT. LISTEN=no hears nothing.
import { once } from 'node:events'
import { writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import { connect } from 'node:net'
import { setTimeout as delay } from 'node:timers/promises'
import { job, service, serviceGroup, task } from 'rx-service-group'
import { childProcess } from 'rx-service-group/child-process'
import { http } from 'rx-service-group/http'
import { schedule } from 'rx-service-group/schedule'
import { worker } from 'rx-service-group/worker'
import { listenToConsole } from '../../../src/process/console-lines.ts'

const heard = process.env['LISTEN'] === 'no' ? undefined : listenToConsole('shop', () => {})
const { stdout, stderr } = process

const code = `console.log('from afar'); console.error('and its errors'); setInterval(() => {}, 1000)`
/** What has happened so far, and is waited for. */
const happened = new EventTarget()
const checked = once(happened, 'checked')
const ran = once(happened, 'ran')

/** Prints in turns with another one, over many awaits. */
const talker = (name: string) =>
  service(name, {
    start: async () => {
      for (let n = 0; n < 3; n++) {
        console.log(`${name} starts ${n}`)
        await delay(5)
        await new Promise(setImmediate)
      }
      setTimeout(() => console.log(`${name} a moment later`), 10)
    },
    stop: async () => {
      await delay(1)
      console.error(`${name} stops`)
    },
  })

const before = createServer((_, response) => {
  stdout.write('asked twice\n')
  response.end()
}).on('upgrade', (_, socket) => {
  stdout.write('upgraded\n')
  socket.write('HTTP/1.1 101 Switching Protocols\r\n\r\n')
  socket.once('data', () => {
    stdout.write('got a message\n')
    socket.end('bye')
  })
})
before.listen(0, '127.0.0.1')
await once(before, 'listening')

const api = http(
  'api',
  async (_, response) => {
    console.log('asked')
    await delay(2)
    console.log('answered')
    response.end()
  },
  { port: 0, host: '127.0.0.1' },
)

const group = serviceGroup('shop')
  .add(talker('a'), { dependsOn: [] })
  .add(talker('b'), { dependsOn: [] })
  .add(serviceGroup('workers').add(job('mailer', () => console.log('mails'))))
  .add(childProcess('child', process.execPath, ['-e', code], { ready: /afar/ }))
  .add(worker('thread', new URL(`data:text/javascript,${encodeURIComponent(code)}`)))
  .add(
    childProcess('quiet', process.execPath, ['-e', code], {
      ready: /afar/,
      output: line => console.log(`own: ${line}`),
    }),
  )
  .add(api)
  .add(http('adopted', before))
  .add(
    schedule('nightly', '* * * * * *', () => {
      console.log('night falls')
      happened.dispatchEvent(new Event('ran'))
    }),
  )
  .add(service('checked', {}), {
    healthCheck: {
      check: () => {
        console.warn('looked at')
        happened.dispatchEvent(new Event('checked'))
      },
    },
  })
  .add(
    task('pieces', async () => {
      stdout.write('par')
      stdout.write('tial')
      await delay(5)
      stdout.write(' line\nand ')
      stdout.write(Buffer.from('tw\u00f6 m').subarray(0, 4))
      stdout.write(Buffer.from('tw\u00f6 m').subarray(4))
      stdout.write('6f72650d0a', 'hex')
      stdout.write('caf\u00e9\n', 'latin1')
      stdout.write('a\r\nb\rc\n\nd\n')
      stderr.write('\u001b[31mred\u001b[0m \u0007bell\n')
      stderr.write(`${'x'.repeat(3_000)}\n`)
      stdout.write('without an end')
    }),
  )

console.log('before all')
await group.start()
await (await fetch(api.url!)).text()
const adopted = group.status.service('shop/adopted')!.state.info?.['port']
await (await fetch(`http://127.0.0.1:${adopted}`)).text()
const socket = connect({ host: '127.0.0.1', port: Number(adopted) })
socket.write('GET / HTTP/1.1\r\nhost: localhost\r\nconnection: upgrade\r\nupgrade: chat\r\n\r\n')
await once(socket, 'data')
socket.resume().end('hello')
await once(socket, 'close')
await Promise.all([checked, ran])
while (heard && heard.rings.of('shop/pieces').at(-1)?.text !== 'without an end') await delay(20)
console.log('after all')
await group.stop()
heard?.stop()
const all = heard?.rings.all().map(({ path, lines }) => [path, lines.map(({ from, text }) => `${from}: ${text}`)])
const restored = !Object.hasOwn(stdout, 'write') && !Object.hasOwn(stderr, 'write')
writeFileSync(process.env['RESULT']!, JSON.stringify({ lines: Object.fromEntries(all ?? []), restored }))
