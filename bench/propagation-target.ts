import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { typeUrls } from '@weft/compiler/envoy/resource';
import { ClientsProcess } from './clients-process.ts';
import { wallMs } from './control-plane-process.ts';
import { quantile } from './pairs.ts';

/**
 * Runs the clients of propagation.ts against any server of delta ADS: how long until all are warm, then, for each change of
 * endpoints or routes that reaches all of them, how long it took from the first acknowledgement to the others.
 *
 *     node bench/propagation.ts --target 127.0.0.1:15012 --tokens DIR [--ca FILE] [--clients 200] [--changes 5] [--routes]
 *     node bench/propagation.ts --target 127.0.0.1:18000 --plaintext --node 'client-{}'
 *
 * With --tokens the clients are the workloads whose tokens are in DIR/<namespace>/<name>, and ask for their secrets too; else they
 * are `--node`, with a number in the place of {}.
 */
export async function measureTarget(args: readonly string[]): Promise<void> {
  const { values } = parseArgs({
    args: [...args],
    options: {
      target: { type: 'string', default: '' },
      tokens: { type: 'string' },
      ca: { type: 'string' },
      plaintext: { type: 'boolean', default: false },
      node: { type: 'string', default: 'client-{}' },
      clients: { type: 'string', default: '200' },
      changes: { type: 'string', default: '5' },
      routes: { type: 'boolean', default: false },
    },
  });
  const count = Number(values.clients);
  const members =
    values.tokens === undefined
      ? Array.from({ length: count }, (_, i) => ({ node: values.node.replace('{}', String(i)) }))
      : (await readTokens(values.tokens)).slice(0, count);
  const clients = new ClientsProcess();
  try {
    await clients.make({
      group: 'target',
      server: `${values.plaintext ? 'http' : 'https'}://${values.target}`,
      ...(values.ca === undefined ? {} : { root: await readFile(values.ca, 'utf8') }),
      members,
      secrets: values.tokens === undefined ? [] : ['identity', 'root'],
      asks: true,
    });
    const begin = wallMs();
    const { takenAt, warmAt } = await clients.connect('target');
    const seconds = (to: number) => ((to - begin) / 1000).toFixed(2);
    console.log(
      `${members.length} clients: all taken after ${seconds(takenAt)} s, all warm after ${seconds(warmAt)} s`,
    );
    for (let change = 1; change <= Number(values.changes); change++) {
      console.log(`waiting for a change of ${values.routes ? 'routes' : 'endpoints'} at every client ...`);
      const acked = await clients.expect('target', values.routes ? typeUrls.route : typeUrls.endpoints, false);
      const { acked: at } = await acked();
      const first = Math.min(...at);
      const after = at.map((time) => time - first);
      const p = (share: number) => quantile(after, share).toFixed(1);
      console.log(`change ${change}: after the first client p50 ${p(0.5)}  p99 ${p(0.99)}  last ${p(1)} ms`);
    }
  } finally {
    clients.close();
  }
}

async function readTokens(directory: string): Promise<{ node: string; token: string }[]> {
  const found: { node: string; token: string }[] = [];
  for (const entry of await readdir(directory, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile()) continue;
    const path = join(entry.parentPath, entry.name);
    const node = `${entry.parentPath.split('/').at(-1)}/${entry.name}`;
    found.push({ node, token: (await readFile(path, 'utf8')).trim() });
  }
  return found.sort((a, b) => (a.node < b.node ? -1 : 1));
}
