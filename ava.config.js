// Tests look at answers; LOG_LEVEL=warn shows what was logged meanwhile.
const { LOG_LEVEL = 'silent' } = process.env;

export default {
  extensions: ['ts'],
  files: [
    'packages/*/src/**/*.test.ts',
    'services/*/src/**/*.test.ts',
    'scripts/**/*.test.ts',
    'k8s/**/*.test.ts',
    'charts/*.test.ts',
  ],
  workerThreads: false,
  nodeArguments: [`--require=${import.meta.dirname}/scripts/compile-cache.cjs`],
  concurrency: 2,
  timeout: '60s',
  environmentVariables: { LOG_LEVEL },
};
