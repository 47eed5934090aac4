// The prepack script of every package here: what users install is made by scripts/pack.ts. Plain JavaScript: any Node must read it.
console.error(
  `${process.env.npm_package_name}: these are TypeScript sources, which Node does not run below node_modules. ` +
    'Nothing was packed; pack with `node scripts/pack.ts`, or make a release with `make release VERSION=x`.',
);
process.exitCode = 1;
