import { readFileSync } from 'node:fs';

const packageFile = new URL('../package.json', import.meta.url);
const manifest: { readonly version: string } = JSON.parse(readFileSync(packageFile, 'utf8'));

/** The version of this package. */
export const version = manifest.version;
