import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { DockerfileParser, JSONInstruction } from 'dockerfile-ast'
import { parse as parseToml } from 'smol-toml'
import { parseAllDocuments, parse as parseYaml } from 'yaml'

const folder = new URL('../../../demos/deploy/', import.meta.url)

/** The text of a file that people copy. */
export const textOf = (file: string): string => readFileSync(new URL(file, folder), 'utf8')

type Env = Readonly<Record<string, string>>

/** What a file says of the program, in one form for all platforms. Times are milliseconds. */
export interface Deployment {
  readonly platform: string
  /** The command, as the platform runs it in the folder of the program. */
  readonly command: readonly string[]
  readonly env: Env
  /** The variables by which the platform is recognised. */
  readonly marks: Env
  readonly signal: NodeJS.Signals
  readonly grace: number
  /** How long the platform waits for the start. */
  readonly start: number
  /** The memory that the program may use, in MiB. */
  readonly memory?: number
  /** The probes that the platform asks, with their port. */
  readonly probes: readonly (readonly [path: string, port: number])[]
}

const SECOND = 1_000

const secondsOf = (text: string): number => {
  const [, seconds] = /^(\d+)s?$/.exec(text) ?? []
  if (!seconds) throw new Error(`${text} is no number of seconds`)
  return Number(seconds) * SECOND
}

const mebibytesOf = (text: string): number => {
  const [, size] = /^(\d+)(?:Mi?|m|mb)?$/.exec(text) ?? []
  if (!size) throw new Error(`${text} is no number of MiB`)
  return Number(size)
}

const namesAndValues = (all: readonly { readonly name: string; readonly value: string }[]): Env =>
  Object.fromEntries(all.map(({ name, value }) => [name, value]))

/** The last stage of the Dockerfile, by the keywords of its instructions. */
const image = DockerfileParser.parse(textOf('Dockerfile')).getInstructions()
const last = (keyword: string) => {
  const found = image.findLast(instruction => instruction.getKeyword() === keyword)
  if (!found) throw new Error(`the Dockerfile has no ${keyword}`)
  return found
}

export const dockerfile = {
  user: last('USER').getArgumentsContent() ?? '',
  signal: last('STOPSIGNAL').getArgumentsContent() as NodeJS.Signals,
  isExecForm: last('CMD') instanceof JSONInstruction,
  command: JSON.parse(last('CMD').getArgumentsContent() ?? '') as readonly string[],
  healthCheck: JSON.parse(last('HEALTHCHECK').getArgumentsContent()?.replace(/^CMD /, '') ?? '') as readonly string[],
  startPeriod: secondsOf(/--start-period=(\S+)/.exec(last('HEALTHCHECK').getTextContent())?.[1] ?? ''),
  env: Object.fromEntries(
    image
      .filter(instruction => instruction.getKeyword() === 'ENV')
      .map(instruction => instruction.getArgumentsContent()?.split('=') ?? []),
  ) as Env,
}

interface Probe {
  readonly httpGet: { readonly path: string; readonly port: string }
  readonly periodSeconds: number
  readonly failureThreshold: number
}

/** The objects of the Kubernetes file. */
export const objects = parseAllDocuments(textOf('kubernetes.yaml')).map(document => {
  if (document.errors[0]) throw document.errors[0]
  return document.toJSON()
})

const kubernetes = (): Deployment => {
  const { spec } = objects[0].spec.template
  const [container] = spec.containers
  const portOf = (name: string): number =>
    container.ports.find((port: { name: string }) => port.name === name).containerPort
  const { startupProbe, readinessProbe, livenessProbe } = container as Record<string, Probe>
  return {
    platform: 'Kubernetes',
    command: dockerfile.command,
    env: { ...dockerfile.env, ...namesAndValues(container.env) },
    marks: { KUBERNETES_SERVICE_HOST: '10.0.0.1' },
    signal: dockerfile.signal,
    grace: spec.terminationGracePeriodSeconds * SECOND,
    start: startupProbe!.periodSeconds * startupProbe!.failureThreshold * SECOND,
    memory: mebibytesOf(container.resources.limits.memory),
    probes: [startupProbe, readinessProbe, livenessProbe].map(probe => {
      const { path, port } = probe!.httpGet
      return [path, portOf(port)] as const
    }),
  }
}

export const compose = parseYaml(textOf('compose.yaml')).services.shop

const docker = (): Deployment => ({
  platform: 'Docker Compose',
  command: dockerfile.command,
  env: { ...dockerfile.env, ...compose.environment },
  marks: {},
  signal: dockerfile.signal,
  grace: secondsOf(compose.stop_grace_period),
  start: dockerfile.startPeriod,
  memory: mebibytesOf(compose.mem_limit),
  probes: [],
})

/** The settings of a unit of systemd; those that stand more than once have all their values. */
export const unit = (file: string): Readonly<Record<string, readonly string[]>> => {
  const all: Record<string, string[]> = {}
  for (const [, name = '', value = ''] of textOf(file).matchAll(/^(\w+)=(.*)$/gm)) {
    all[name] ??= []
    all[name].push(value)
  }
  return all
}

const systemd = (): Deployment => {
  const settings = unit('systemd/shop.service')
  const one = (name: string): string => settings[name]?.[0] ?? ''
  return {
    platform: 'systemd',
    command: one('ExecStart').replace(one('WorkingDirectory'), '.').split(' '),
    env: Object.fromEntries((settings['Environment'] ?? []).map(text => text.split(/=(.*)/).slice(0, 2))),
    marks: { INVOCATION_ID: '0' },
    signal: 'SIGTERM',
    grace: secondsOf(one('TimeoutStopSec')),
    start: secondsOf(one('TimeoutStartSec')),
    memory: mebibytesOf(one('MemoryMax')),
    probes: [],
  }
}

interface App {
  readonly script: string
  readonly node_args: string
  readonly env: Env
  readonly kill_timeout: number
  readonly listen_timeout: number
}

export const ecosystem = createRequire(import.meta.url)('../../../demos/deploy/ecosystem.config.cjs') as {
  readonly apps: readonly [App]
}

const pm2 = (): Deployment => {
  const [{ script, node_args, env, kill_timeout, listen_timeout }] = ecosystem.apps
  return {
    platform: 'PM2',
    command: ['node', node_args, script],
    env,
    marks: { pm_id: '0', kill_timeout: String(kill_timeout) },
    signal: 'SIGINT',
    grace: kill_timeout,
    start: listen_timeout,
    probes: [],
  }
}

interface FlyApp {
  readonly kill_signal: NodeJS.Signals
  readonly kill_timeout: string
  readonly env: Env
  readonly checks: { readonly ready: { readonly path: string; readonly port: number; readonly grace_period: string } }
  readonly vm: readonly [{ readonly memory: string }]
}

const flyIo = (): Deployment => {
  const { kill_signal, kill_timeout, env, checks, vm } = parseToml(textOf('fly.toml')) as unknown as FlyApp
  const { path, port, grace_period } = checks.ready
  return {
    platform: 'Fly.io',
    command: dockerfile.command,
    env: { ...dockerfile.env, ...env },
    marks: { FLY_APP_NAME: 'shop' },
    signal: kill_signal,
    grace: secondsOf(kill_timeout),
    start: secondsOf(grace_period),
    memory: mebibytesOf(vm[0].memory),
    probes: [[path, port]],
  }
}

export const task = JSON.parse(textOf('ecs-task.json'))

const ecs = (): Deployment => {
  const [container] = task.containerDefinitions
  return {
    platform: 'ECS',
    command: dockerfile.command,
    env: { ...dockerfile.env, ...namesAndValues(container.environment) },
    marks: { ECS_CONTAINER_METADATA_URI_V4: 'http://169.254.170.2/v4' },
    signal: dockerfile.signal,
    grace: container.stopTimeout * SECOND,
    start: container.healthCheck.startPeriod * SECOND,
    memory: mebibytesOf(task.memory),
    probes: [],
  }
}

export const deployments: readonly Deployment[] = [kubernetes(), docker(), systemd(), pm2(), flyIo(), ecs()]
