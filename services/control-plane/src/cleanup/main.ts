// Run by charts/weft when the release is removed: node src/cleanup/main.ts NAMESPACE
import { connectApi } from '../kubernetes/api.ts';
import { clusterAccess } from '../kubernetes/cluster-access.ts';
import { cleanUp } from './cleanup.ts';

const [namespace] = process.argv.slice(2);
if (!namespace) {
  console.error('weft-cleanup: which namespace was the control plane in?');
  process.exit(2);
}
const api = connectApi(await clusterAccess());
try {
  for (const what of await cleanUp(api, namespace)) console.log(`removed ${what}`);
} catch (error) {
  console.error(`weft-cleanup: ${error instanceof Error ? error.message : String(error)}`);
  process.exitCode = 1;
} finally {
  api.close();
}
