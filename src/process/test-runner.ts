/**
 * Whether a test runner has loaded this code into its own process, which `run` must not end. Environment variables
 * can't tell: programs that a test starts inherit those of vitest, jest and `node --test`, and have to end as always.
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
