#!/usr/bin/env node
// Runs the weft command with the Node that the project has installed where `npx weft` was started with one that is too old.
// Plain JavaScript: an older Node must be able to read this file.
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import module, { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const neededMajor = 22;

if (Number(process.versions.node.split('.')[0]) >= neededMajor) {
  // What was compiled once is not compiled again: half of what a short command takes.
  module.enableCompileCache?.();
  await import('../src/main.ts');
} else {
  const node = projectNode();
  if (node) {
    runWith(node);
  } else {
    console.error(
      `weft: needs Node ${neededMajor} or later and this is ${process.version}; install one, or run \`npm install --save-dev node@24\` in the project.`,
    );
    process.exitCode = 1;
  }
}

/** The binary that the npm package `node` brought, or undefined. */
function projectNode() {
  try {
    const require = createRequire(import.meta.url);
    const path = join(dirname(require.resolve('node/package.json')), 'bin/node');
    return existsSync(path) ? path : undefined;
  } catch {
    return undefined;
  }
}

/** Becomes `node` as far as Node can: same arguments, terminal, signals and exit code. */
function runWith(node) {
  const child = spawn(node, [fileURLToPath(import.meta.url), ...process.argv.slice(2)], { stdio: 'inherit' });
  // The terminal sends Ctrl-C to both; only the child decides what it means. A signal to this process alone is passed on.
  process.on('SIGINT', () => {});
  for (const signal of ['SIGTERM', 'SIGHUP']) process.on(signal, () => child.kill(signal));
  child.on('error', (error) => {
    console.error(`weft: ${node} does not start (${error.message}); run \`npm ci\` in the project again.`);
    process.exitCode = 1;
  });
  child.on('exit', (code, signal) => {
    if (signal) {
      for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.removeAllListeners(name);
      process.kill(process.pid, signal);
    } else {
      process.exitCode = code ?? 1;
    }
  });
}
