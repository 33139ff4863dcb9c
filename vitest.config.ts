import { defineConfig } from 'vitest/config'

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    globalSetup: ['test/support/rabbitmq-global.ts'],
    env: { TZ: 'UTC' },
    // A test never passes by retrying, and an error nobody caught fails the run.
    retry: 0,
    dangerouslyIgnoreUnhandledErrors: false,
  },
})
