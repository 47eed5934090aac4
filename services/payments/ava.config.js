export default {
  extensions: ['ts'],
  files: ['src/**/*.test.ts'],
  workerThreads: false,
  concurrency: 2,
  timeout: '60s',
};
