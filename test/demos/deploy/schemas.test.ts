import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { validate } from 'dockerfile-utils'
import { Deployment } from 'kubernetes-models/apps/v1'
import { PodDisruptionBudget } from 'kubernetes-models/policy/v1'
import { Service } from 'kubernetes-models/v1'
import ts from 'typescript'
import { describe, expect, test } from 'vitest'
import { deployments, dockerfile, ecosystem, objects, task, textOf } from './files.ts'

const root = fileURLToPath(new URL('../../..', import.meta.url))

/** The errors of a value that is written where a type is expected. A field that the type does not have is one. */
const typeErrors = (type: string, from: string, value: unknown): readonly string[] => {
  const file = join(root, 'test/demos/deploy/written.ts')
  const text = `import type { ${type} } from '${from}'\nexport const value: ${type} = ${JSON.stringify(value)}\n`
  const options: ts.CompilerOptions = {
    strict: true,
    noEmit: true,
    skipLibCheck: true,
    module: ts.ModuleKind.NodeNext,
    moduleResolution: ts.ModuleResolutionKind.NodeNext,
  }
  const host = ts.createCompilerHost(options)
  const { fileExists, getSourceFile } = host
  host.fileExists = name => name === file || fileExists(name)
  host.getSourceFile = (name, language, ...rest) =>
    name === file ? ts.createSourceFile(name, text, language) : getSourceFile(name, language, ...rest)
  const program = ts.createProgram([file], options, host)
  return ts.getPreEmitDiagnostics(program).map(({ messageText }) => ts.flattenDiagnosticMessageText(messageText, '\n'))
}

describe('Kubernetes', () => {
  const MODELS = [
    [Deployment, 'IDeployment', 'kubernetes-models/apps/v1'],
    [Service, 'IService', 'kubernetes-models/v1'],
    [PodDisruptionBudget, 'IPodDisruptionBudget', 'kubernetes-models/policy/v1'],
  ] as const

  test('knows all kinds in the file', () => {
    expect(objects.map(({ kind }) => kind)).toEqual(['Deployment', 'Service', 'PodDisruptionBudget'])
  })

  test.each(MODELS.map(([Model, type, from], n) => ({ Model, type, from, n })))(
    'finds nothing wrong with the $type',
    ({ Model, type, from, n }) => {
      const model = new Model(objects[n])
      expect(() => model.validate()).not.toThrow()
      expect(typeErrors(type, from, objects[n])).toEqual([])
    },
    30_000,
  )

  test('finds a setting that is misspelt', () => {
    const wrong = structuredClone(objects[0])
    wrong.spec.template.spec.terminationGracePeriod = 37
    expect(typeErrors('IDeployment', 'kubernetes-models/apps/v1', wrong).join()).toContain(
      `'"terminationGracePeriod"' does not exist`,
    )
  }, 30_000)

  test('all objects select the pods of the Deployment', () => {
    const [deployment, service, budget] = objects
    const { labels } = deployment.spec.template.metadata
    expect(deployment.spec.selector.matchLabels).toEqual(labels)
    expect(service.spec.selector).toEqual(labels)
    expect(budget.spec.selector.matchLabels).toEqual(labels)
  })
})

describe('the Dockerfile', () => {
  test('has nothing wrong', () => {
    expect(validate(textOf('Dockerfile'))).toEqual([])
  })

  test('runs node as process 1, as a user without rights', () => {
    expect([dockerfile.isExecForm, dockerfile.command[0], dockerfile.user]).toEqual([true, 'node', 'node'])
  })
})

test('PM2 takes all that its file says', () => {
  const require = createRequire(import.meta.url)
  const schema = JSON.parse(readFileSync(require.resolve('pm2/lib/API/schema.json'), 'utf8')) as object
  const { validateJSON } = require('pm2/lib/tools/Config.js') as {
    validateJSON(app: object): { readonly errors?: readonly string[] }
  }
  const [app] = ecosystem.apps
  expect(Object.keys(app).filter(setting => !(setting in schema))).toEqual([])
  expect(validateJSON.call(require('pm2/lib/tools/Config.js'), { ...app }).errors ?? []).toEqual([])
})

/** The longest time that a platform gives, in seconds. */
const MOST: Readonly<Record<string, number>> = { ECS: 120, 'Fly.io': 300 }

test.each(Object.entries(MOST))('%s gives %d s at most', (platform, most) => {
  const { grace } = deployments.find(one => one.platform === platform)!
  expect(grace / 1_000).toBeLessThanOrEqual(most)
})

test('ECS is asked for an amount of CPU and memory that Fargate has', () => {
  expect(task.requiresCompatibilities).toEqual(['FARGATE'])
  expect([task.cpu, task.memory, task.networkMode]).toEqual(['256', '512', 'awsvpc'])
})
