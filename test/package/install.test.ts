import { beforeAll, expect, test } from 'vitest'
import { type Project, project } from '../support/project.ts'

let app: Project

beforeAll(async () => {
  app = await project()
}, 120_000)

test('an empty project installs the library, and a program of one line starts and stops a group', async () => {
  const code = `import { serviceGroup, service, run } from 'rx-service-group'
    const report = await run(serviceGroup('shop').add(service('db', { start: () => process.kill(process.pid, 'SIGTERM') })))
    console.log(report.ok)`
  const { code: exitCode, stdout } = await app.run('node', ['--input-type=module', '-e', code])
  expect(stdout).toContain('true')
  expect(exitCode).toBe(0)
})
