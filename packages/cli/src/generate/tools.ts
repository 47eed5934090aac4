import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';

/** A tool that an npm package of this command's dependencies brings, started with the Node that runs this. */
export interface Tool {
  /** The script. */
  readonly script: string;
  readonly version: string;
}

/** The command `name` of the npm package `packageName`, as it is installed for this command: a project needs none of its own. */
export function installedTool(packageName: string, name: string): Tool {
  const file = createRequire(import.meta.url).resolve(`${packageName}/package.json`);
  const { bin, version } = JSON.parse(readFileSync(file, 'utf8'));
  return { script: join(dirname(file), bin[name]), version };
}

/** buf, which compiles .proto files. */
export const buf = (): Tool => installedTool('@bufbuild/buf', 'buf');

/** protoc-gen-es, which makes TypeScript of them. */
export const protocGenEs = (): Tool => installedTool('@bufbuild/protoc-gen-es', 'protoc-gen-es');
