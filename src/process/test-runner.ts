/**
 * A test runner has loaded this code into its own process: that is not ours to end. The environment does not tell: what
 * vitest, jest and `node --test` set there is inherited by the programs that tests start, which have to end as ever.
 */
export const inTestRunner = (): boolean => {
  const globals: Readonly<Record<string, unknown>> = globalThis as object as Record<string, unknown>
  const { moduleLoadList = [] } = process as { readonly moduleLoadList?: readonly string[] }
  return (
    '__vitest_worker__' in globals ||
    // jest, mocha, jasmine
    (typeof globals['describe'] === 'function' && typeof globals['it'] === 'function') ||
    moduleLoadList.includes('NativeModule internal/test_runner/harness')
  )
}
