/** For PM2: pm2 start ecosystem.config.cjs */
module.exports = {
  apps: [
    {
      name: 'shop',
      script: 'dist/service.js',
      // One process. Of several, each would run the schedule, and only one could listen on the port of the probes.
      exec_mode: 'fork',
      instances: 1,
      // group.plan().grace, in milliseconds. PM2 tells it the process, and sends SIGINT.
      kill_timeout: 32_000,
      // pm2 start returns when the group is running, or after group.plan().longestStart.
      wait_ready: true,
      listen_timeout: 15_000,
      // Only the main process is asked. It ends what it has started.
      treekill: false,
      // Not max_memory_restart: a heap at its limit ends with an error that names it.
      node_args: '--max-old-space-size=384',
      env: { NODE_ENV: 'production' },
    },
  ],
}
