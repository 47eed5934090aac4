#!/usr/bin/env node
// The lint rules of Weft as a plugin of buf (buf.yaml: plugins). Plain JavaScript: an older Node must be able to read this file.
const neededMajor = 22;

if (Number(process.versions.node.split('.')[0]) >= neededMajor) {
  await import('../src/buf-plugin/main.ts');
} else {
  console.error(
    `buf-plugin-weft: needs Node ${neededMajor} or later and this is ${process.version}; put it first on PATH.`,
  );
  process.exitCode = 1;
}
