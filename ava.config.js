export default {
  extensions: ['ts'],
  files: ['packages/*/src/**/*.test.ts', 'services/*/src/**/*.test.ts', 'scripts/**/*.test.ts'],
  workerThreads: false,
  concurrency: 2,
  timeout: '60s',
};
