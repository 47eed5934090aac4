/**
 * Changes the version of Weft wherever it stands: packages and what depends on them, charts, the control plane.
 *
 *   node scripts/set-version.ts 1.2.3     then `npm install` for the lock file, and `make generate`
 */
import { join } from 'node:path';
import { isVersion, setVersion } from './release/versions.ts';

const [version = ''] = process.argv.slice(2);
if (isVersion(version)) {
  setVersion(join(import.meta.dirname, '..'), version);
  console.log(`The version is ${version} now; run \`npm install\`, which writes it to package-lock.json.`);
} else {
  console.error(`set-version: ${version || 'nothing'} is no semantic version; name one, as 1.2.3.`);
  process.exitCode = 1;
}
