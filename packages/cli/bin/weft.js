#!/usr/bin/env node
// Runs the weft command. If `npx weft` was started with a Node that is too old, it uses the Node installed in the project.
// Plain JavaScript, because an older Node must be able to parse this file.
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import module, { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const neededMajor = 22;

if (Number(process.versions.node.split('.')[0]) >= neededMajor) {
  // Cache compiled code: compilation takes half the time of a short command.
  module.enableCompileCache?.();
  await import('../src/main.ts');
} else {
  const node = projectNode();
  if (node) {
    runWith(node);
  } else {
    console.error(
      `weft: needs Node ${neededMajor} or later, but this is ${process.version}; install a newer Node, or run \`npm install --save-dev node@24\` in the project.`,
    );
    process.exitCode = 1;
  }
}

/** The binary of the installed npm package `node`, or undefined. */
function projectNode() {
  try {
    const require = createRequire(import.meta.url);
    const path = join(dirname(require.resolve('node/package.json')), 'bin/node');
    return existsSync(path) ? path : undefined;
  } catch {
    return undefined;
  }
}

/** Replaces this process with `node` as far as Node allows: same arguments, terminal, signals and exit code. */
function runWith(node) {
  const child = spawn(node, [fileURLToPath(import.meta.url), ...process.argv.slice(2)], { stdio: 'inherit' });
  // The terminal sends Ctrl-C to both processes, and only the child handles it. This process forwards other signals.
  process.on('SIGINT', () => {});
  for (const signal of ['SIGTERM', 'SIGHUP']) process.on(signal, () => child.kill(signal));
  child.on('error', (error) => {
    console.error(`weft: ${node} does not start (${error.message}); reinstall the project with \`npm ci\`.`);
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
