#!/usr/bin/env node
// Weft's lint rules as a buf plugin (buf.yaml: plugins). Plain JavaScript, because an older Node must be able to parse this file.
const neededMajor = 22;

if (Number(process.versions.node.split('.')[0]) >= neededMajor) {
  await import('../src/buf-plugin/main.ts');
} else {
  console.error(
    `buf-plugin-weft: needs Node ${neededMajor} or later, but this is ${process.version}; put a newer Node first on PATH.`,
  );
  process.exitCode = 1;
}
