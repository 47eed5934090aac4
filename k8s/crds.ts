import { globSync } from 'node:fs';
import { join } from 'node:path';
import { Chart, Include } from 'cdk8s';
import type { Construct } from 'constructs';

/** The definitions of Weft's own kinds, as charts/weft has them. */
export class CustomResourceDefinitions extends Chart {
  constructor(scope: Construct, id: string, options: { readonly root: string }) {
    super(scope, id, { disableResourceNameHashes: true });
    const directory = join(options.root, 'charts/weft/crds');
    for (const file of globSync('*.yaml', { cwd: directory }).sort()) {
      new Include(this, file, { url: join(directory, file) });
    }
  }
}
