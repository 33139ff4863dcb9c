/** A platform that asks a process to end, and kills it after a while. */
export interface Platform {
  readonly name: string
  /** How long the platform waits by default after it has asked, in milliseconds. */
  readonly grace: number
  /** The setting by which the platform is told to wait longer. */
  readonly setting: string
}

type Env = Readonly<Record<string, string | undefined>>

const SECOND = 1_000

/** By the variable that tells them. Those that may run inside others come first: they are the ones that ask. */
const BY_VARIABLE: readonly (readonly [variable: string, platform: Platform])[] = [
  ['pm_id', { name: 'PM2', grace: 1_600, setting: 'kill_timeout' }],
  ['FLY_APP_NAME', { name: 'Fly.io', grace: 5 * SECOND, setting: 'kill_timeout' }],
  ['NOMAD_ALLOC_ID', { name: 'Nomad', grace: 5 * SECOND, setting: 'kill_timeout' }],
  ['K_SERVICE', { name: 'Cloud Run', grace: 10 * SECOND, setting: 'no setting' }],
  ['ECS_CONTAINER_METADATA_URI_V4', { name: 'ECS', grace: 30 * SECOND, setting: 'stopTimeout' }],
  ['DYNO', { name: 'Heroku', grace: 30 * SECOND, setting: 'no setting' }],
  ['RENDER', { name: 'Render', grace: 30 * SECOND, setting: 'maxShutdownDelaySeconds' }],
  ['KUBERNETES_SERVICE_HOST', { name: 'Kubernetes', grace: 30 * SECOND, setting: 'terminationGracePeriodSeconds' }],
]

const DOCKER: Platform = { name: 'Docker', grace: 10 * SECOND, setting: 'stop_grace_period, or docker stop --time' }
const SYSTEMD: Platform = { name: 'systemd', grace: 90 * SECOND, setting: 'TimeoutStopSec' }

/** The platform that this process runs on, as far as its environment tells. */
export const platformOf = (env: Env, inDocker: boolean): Platform | undefined => {
  const [, platform] = BY_VARIABLE.find(([variable]) => env[variable] !== undefined) ?? []
  if (platform?.name === 'PM2') return { ...platform, grace: positive(env['kill_timeout']) ?? platform.grace }
  if (platform) return platform
  if (inDocker) return DOCKER
  return env['NOTIFY_SOCKET'] !== undefined || env['INVOCATION_ID'] !== undefined ? SYSTEMD : undefined
}

/** The platform that this process runs on. */
export const platform = (): Platform | undefined => platformOf(process.env, inDocker())

/** Whether the process runs in a pod, whatever runs there besides. */
export const inKubernetes = (): boolean => Boolean(process.env['KUBERNETES_SERVICE_HOST'])

const inDocker = (): boolean => {
  try {
    return process.getBuiltinModule('node:fs').existsSync('/.dockerenv')
  } catch {
    // A process without the permission to read files can't tell.
    return false
  }
}

const positive = (text: string | undefined): number | undefined => {
  const ms = Number(text)
  return ms > 0 ? ms : undefined
}
