import { existsSync, mkdirSync, readFileSync, rmdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

/** A limit of memory that the kernel holds processes to, as it does in a container. */
export interface MemoryLimit {
  /** The command that runs a command under this limit. */
  within(command: readonly string[]): readonly string[]
  remove(): void
}

const CGROUPS = '/sys/fs/cgroup'

/** The folder in which cgroups with a limit of memory can be made, and the file of the limit: of version 1 or 2. */
const place = (): readonly [parent: string, file: string] | undefined => {
  const v1 = join(CGROUPS, 'memory')
  if (existsSync(join(v1, 'memory.limit_in_bytes'))) return [v1, 'memory.limit_in_bytes']
  const control = join(CGROUPS, 'cgroup.subtree_control')
  if (existsSync(control) && readFileSync(control, 'utf8').includes('memory')) return [CGROUPS, 'memory.max']
  return undefined
}

/** A limit of so many MiB, or nothing where this machine does not let us make one. */
export const memoryLimit = (mebibytes: number): MemoryLimit | undefined => {
  const [parent, file] = place() ?? []
  if (!parent || !file) return undefined
  const folder = join(parent, `rx-service-group-${process.pid}-${mebibytes}`)
  try {
    mkdirSync(folder)
    writeFileSync(join(folder, file), String(mebibytes * 2 ** 20))
  } catch {
    if (existsSync(folder)) rmdirSync(folder)
    return undefined
  }
  const enter = `echo $$ > ${join(folder, 'cgroup.procs')} && exec "$@"`
  return { within: command => ['/bin/sh', '-c', enter, 'sh', ...command], remove: () => rmdirSync(folder) }
}
