import { execFile, spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { mkdir, mkdtemp, readFile, writeFile } from 'node:fs/promises'
import { connect, createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { setTimeout as sleep } from 'node:timers/promises'

/** What can be done to a broker, by name. */
export interface Faults {
  /** The broker closes every connection of a virtual host, as an operator would (320, CONNECTION_FORCED). */
  closeAllConnections(vhost: string): Promise<void>
  /** Memory alarm: whoever publishes is blocked. */
  block(): Promise<void>
  unblock(): Promise<void>
  /** SIGSTOP: connections stay open, nothing answers. */
  freeze(): Promise<void>
  thaw(): Promise<void>
  /** SIGKILL. */
  kill(): Promise<void>
  /** The broker's application stops: connections are closed, the port refuses. */
  stop(): Promise<void>
  /** After `stop`, or after `kill` (then a new process). Resolves when it answers. */
  start(): Promise<void>
  /** `stop` and `start`. */
  restart(): Promise<void>
  /** From now on nobody may declare anything in a virtual host (403, ACCESS_REFUSED), until it is allowed again. */
  forbidDeclaring(vhost: string): Promise<void>
  allowDeclaring(vhost: string): Promise<void>
  /** How long a delivery may stay without an ack, in milliseconds (406 after that). */
  deliveryTimeout(ms: number): Promise<void>
  /** How long a quorum queue waits before it offers a message again to a queue that refused it, in milliseconds. */
  deadLetterTimeout(ms: number): Promise<void>
}

/** A private RabbitMQ node, which dies with this process. */
export interface RabbitMq {
  readonly host: string
  readonly faults: Faults
  /**
   * A new virtual host: its URL.
   *
   * @param deliveryLimit Its queues are quorum queues unless said otherwise, with this limit, as on RabbitMQ 4.
   */
  addVhost(name: string, deliveryLimit?: number): Promise<string>
  /** Runs Erlang code in the node, as its operator could. Resolves to what it returns, as Erlang prints it. */
  evaluate(code: string): Promise<string>
  close(): Promise<void>
}

const HOST = '127.0.0.1'
const INSTALL = 'RabbitMQ is needed for these tests: apt-get install -y rabbitmq-server (or set AMQP_URL)'

// Debian's /usr/sbin/rabbitmq-server switches user and shares its state; the script underneath does neither.
const findServer = (): string => {
  const lib = '/usr/lib/rabbitmq/lib'
  const versions = existsSync(lib) ? readdirSync(lib).filter(name => name.startsWith('rabbitmq_server-')) : []
  const server = versions.map(version => join(lib, version, 'sbin/rabbitmq-server')).find(existsSync)
  if (!server) throw new Error(INSTALL)
  return server
}

const freePorts = async (count: number): Promise<number[]> => {
  const servers = Array.from({ length: count }, () => createServer().listen(0, HOST))
  await Promise.all(servers.map(server => once(server, 'listening')))
  const ports = servers.map(server => (server.address() as { port: number }).port)
  await Promise.all(servers.map(server => once(server.close(), 'close')))
  return ports
}

const accepts = (port: number): Promise<boolean> =>
  new Promise(resolve => {
    const socket = connect(port, HOST, () => resolve(true))
    socket.once('connect', () => socket.destroy()).once('error', () => resolve(false))
  })

/** True if a broker speaks AMQP there. */
const answers = (port: number): Promise<boolean> =>
  new Promise(resolve => {
    const socket = connect(port, HOST, () => socket.write('AMQP\0\0\x09\x01', 'latin1'))
    const settle = (answered: boolean) => {
      socket.destroy()
      resolve(answered)
    }
    socket.setTimeout(1000, () => settle(false))
    socket.once('data', () => settle(true))
    socket.once('error', () => settle(false))
    socket.once('close', () => settle(false))
  })

/*
 * The supervisor outlives a killed test run just long enough to clean up: its input is a pipe from this process, so
 * it ends with it, however that ends. Each line it reads starts the node anew and is answered with its process id.
 * Marked as run by systemd, the start script becomes the node instead of waiting for it.
 */
const SUPERVISOR = `
epmd -port "$ERL_EPMD_PORT" -address 127.0.0.1 </dev/null >/dev/null 2>&1 &
epmd=$!
node=
while read -r line; do
  "$RABBITMQ_SERVER" </dev/null >>"$HOME/server.log" 2>&1 &
  node=$!
  echo "$node"
done
kill -KILL $node $epmd 2>/dev/null
wait
rm -rf "$HOME"
`

const startOnce = async (server: string): Promise<RabbitMq> => {
  const home = await mkdtemp(join(tmpdir(), 'rabbitmq-'))
  const [port, distPort, epmdPort] = (await freePorts(3)) as [number, number, number]
  const cookie = randomBytes(12).toString('hex')
  const node = `t${port}@localhost`
  const { PATH } = process.env
  const env = {
    PATH,
    HOME: home,
    LC_ALL: 'C.UTF-8',
    RUNNING_UNDER_SYSTEMD: 'true',
    ERL_EPMD_PORT: String(epmdPort),
    ERL_EPMD_ADDRESS: HOST,
    RABBITMQ_SERVER: server,
    RABBITMQ_NODENAME: node,
    RABBITMQ_NODE_IP_ADDRESS: HOST,
    RABBITMQ_NODE_PORT: String(port),
    RABBITMQ_DIST_PORT: String(distPort),
    RABBITMQ_CONF_ENV_FILE: join(home, 'env.conf'),
    RABBITMQ_CONFIG_FILE: join(home, 'rabbitmq.conf'),
    RABBITMQ_ADVANCED_CONFIG_FILE: join(home, 'advanced.config'),
    RABBITMQ_ENABLED_PLUGINS_FILE: join(home, 'plugins'),
    RABBITMQ_MNESIA_BASE: join(home, 'mnesia'),
    RABBITMQ_LOG_BASE: join(home, 'log'),
    RABBITMQ_PID_FILE: join(home, 'pid'),
    // Next to the tests there is little to run on: one scheduler, and no busy waiting.
    RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS: '+S 1:1 +sbwt none +sbwtdcpu none +sbwtdio none -start_epmd false',
  }
  await Promise.all([
    mkdir(join(home, 'log')),
    writeFile(join(home, '.erlang.cookie'), cookie, { mode: 0o400 }),
    writeFile(join(home, 'env.conf'), ''),
    writeFile(join(home, 'plugins'), '[].\n'),
    writeFile(join(home, 'rabbitmq.conf'), `listeners.tcp.1 = ${HOST}:${port}\nlog.console = false\n`),
  ])

  // A group of its own: Ctrl-C in the terminal is for the test run, which takes the node along.
  const supervisor = spawn('/bin/sh', ['-c', SUPERVISOR], { env, detached: true, stdio: ['pipe', 'pipe', 'ignore'] })
  const gone = once(supervisor, 'exit')
  const pids = createInterface(supervisor.stdout)[Symbol.asyncIterator]()
  let pid = 0

  const close = async (): Promise<void> => {
    supervisor.stdin.end()
    await gone
  }

  const untilItAnswers = async (): Promise<void> => {
    const deadline = Date.now() + 60_000
    while (!(await answers(port))) {
      if (Date.now() > deadline || !isAlive(pid)) {
        const log = await readFile(join(home, 'server.log'), 'utf8').catch(() => '')
        throw new Error(`RabbitMQ did not start: ${log.slice(-2000) || 'it says nothing'}`)
      }
      await sleep(50)
    }
  }

  const launch = async (): Promise<void> => {
    supervisor.stdin.write('start\n')
    pid = Number((await pids.next()).value)
    await untilItAnswers()
  }

  const evaluate = (code: string): Promise<string> =>
    new Promise((resolve, reject) => {
      const args = ['-sname', node, '-c', cookie, '-e']
      const child = execFile('erl_call', args, { env, timeout: 20_000 }, (error, stdout, stderr) =>
        error || !stdout.startsWith('{ok,')
          ? reject(new Error(`${code}: ${stdout || stderr || error?.message}`))
          : resolve(stdout),
      )
      child.stdin?.end(`${code}.\n`)
    })
  const tell = async (code: string): Promise<void> => void (await evaluate(code))

  const alarm = '{resource_limit,memory,node()}'
  const mayDeclare = (vhost: string, what: string) =>
    tell(
      `rabbit_auth_backend_internal:set_permissions(<<"guest">>,<<"${vhost}">>,<<"${what}">>,<<".*">>,<<".*">>,<<"test">>)`,
    )
  const faults: Faults = {
    closeAllConnections: vhost =>
      tell(
        // One that closes by itself at this moment is gone already.
        '[catch rabbit_networking:close_connection(proplists:get_value(pid,C),"closed by the test") || ' +
          'C <- rabbit_networking:connection_info_all([pid,vhost]), ' +
          `proplists:get_value(vhost,C) =:= <<"${vhost}">>]`,
      ),
    block: () => tell(`rabbit_alarm:set_alarm({${alarm},[]})`),
    unblock: () => tell(`rabbit_alarm:clear_alarm(${alarm})`),
    freeze: async () => void process.kill(pid, 'SIGSTOP'),
    thaw: async () => void process.kill(pid, 'SIGCONT'),
    kill: async () => {
      // 3.10 writes down within half a second only which quorum queues there are: one declared later would be lost.
      await tell('[dets:sync(Table) || Table <- dets:all()]')
      process.kill(pid, 'SIGKILL')
      while (isAlive(pid)) await sleep(5)
    },
    stop: () => tell('rabbit:stop()'),
    restart: async () => {
      await faults.stop()
      await faults.start()
    },
    start: async () => {
      if (!isAlive(pid)) return launch()
      await tell('rabbit:start()')
      await untilItAnswers()
    },
    forbidDeclaring: vhost => mayDeclare(vhost, '^$'),
    allowDeclaring: vhost => mayDeclare(vhost, '.*'),
    deadLetterTimeout: ms => tell(`application:set_env(rabbit,dead_letter_worker_publisher_confirm_timeout,${ms})`),
    deliveryTimeout: ms =>
      tell(
        `application:set_env(rabbit,consumer_timeout,${ms}), ` +
          `application:set_env(rabbit,channel_tick_interval,${Math.max(100, Math.ceil(ms / 4))})`,
      ),
  }

  try {
    // A node that finds no epmd starts one that outlives us.
    for (let tries = 500; !(await accepts(epmdPort)); tries--) {
      if (tries === 0) throw new Error('epmd did not start')
      await sleep(10)
    }
    await launch()
  } catch (error) {
    await close()
    throw error
  }
  return {
    host: `${HOST}:${port}`,
    faults,
    close,
    evaluate: async code => (await evaluate(code)).replace(/^\{ok, ?(.*)\}\s*$/s, '$1'),
    addVhost: async (name, deliveryLimit) => {
      const [vhost, all] = [`<<"${name}">>`, '<<".*">>']
      const metadata = deliveryLimit === undefined ? '#{}' : '#{default_queue_type => <<"quorum">>}'
      await tell(
        `rabbit_vhost:add(${vhost},${metadata},<<"test">>), ` +
          `rabbit_auth_backend_internal:set_permissions(<<"guest">>,${vhost},${all},${all},${all},<<"test">>)`,
      )
      const definition = `[{<<"delivery-limit">>,${deliveryLimit}}]`
      if (deliveryLimit !== undefined)
        await tell(`rabbit_policy:set(${vhost},<<"limit">>,${all},${definition},0,<<"queues">>,<<"test">>)`)
      return `amqp://guest:guest@${HOST}:${port}/${name}`
    },
  }
}

// A killed child of the supervisor stays a zombie, which still takes signals.
const isAlive = (pid: number): boolean => {
  try {
    return !/\) [ZX] /.test(readFileSync(`/proc/${pid}/stat`, 'utf8'))
  } catch {
    return false
  }
}

/** Starts a node (6 to 14 seconds). Another run may take a free port between finding and using it, hence the tries. */
export const startRabbitMq = async (): Promise<RabbitMq> => {
  const server = findServer()
  for (let tries = 2; tries > 0; tries--) {
    try {
      return await startOnce(server)
    } catch (error) {
      console.warn(`${error instanceof Error ? error.message : error}\ntrying again`)
    }
  }
  return startOnce(server)
}
