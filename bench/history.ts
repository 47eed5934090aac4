/**
 * What the history of a control plane costs under churn: 50 endpoint changes a second that 200 proxies acknowledge, in a mesh of 5,000
 * pods against one of 500; and what it writes, against the changed pods themselves.
 */
import { mkdtemp, readdir, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Graph } from '@weft/collections';
import { typeUrls } from '@weft/compiler/envoy/resource';
import { type FactCollections, factSources, wholeFacts } from '@weft/compiler/facts/fact-collections';
import type { Workload } from '@weft/compiler/model/workload';
import { History } from '../services/control-plane/src/history/history.ts';
import { factChanges } from '../services/control-plane/src/history/part-changes.ts';
import { compare, spread } from './pairs.ts';

const changesEach = 50;
const proxies = Array.from({ length: 200 }, (_, index) => `shop/pod-${index}` as const);

function pod(index: number, ready: boolean): Workload {
  const address = `10.${index >> 16}.${(index >> 8) & 255}.${index & 255}`;
  const app = `service-${index % 1000}`;
  return {
    id: `shop/pod-${index}`,
    namespace: 'shop',
    name: `pod-${index}`,
    labels: { app, 'pod-template-hash': '5d4f7c9b8' },
    serviceAccount: app,
    spiffeId: `spiffe://weft.local/ns/shop/sa/${app}`,
    inbound: [
      {
        listen: { host: address, port: 15_006 },
        application: { host: '127.0.0.1', port: 8080 },
        serves: [{ service: `shop/${app}`, port: 80 }],
      },
    ],
    outbound: { listen: { host: '127.0.0.1', port: 15_001 } },
    pod: { addresses: [address], interception: 'redirect', portNames: { grpc: 8080 } },
    ready,
    locality: { zone: 'a' },
  };
}

/** A mesh of pods with its history. */
class Mesh {
  readonly #pods: number;
  readonly #directory: string;
  readonly #graph = new Graph();
  readonly #workloads = this.#graph.source<Workload>('pods');
  readonly #facts: FactCollections = { ...factSources(this.#graph).facts, workloads: this.#workloads };
  readonly #history: Promise<History>;
  #changes = 0;
  #changedBytes = 0;

  private constructor(pods: number, directory: string) {
    this.#pods = pods;
    this.#directory = directory;
    this.#history = History.open({ directory, wholeFacts: () => wholeFacts(this.#facts) });
  }

  static async open(pods: number): Promise<Mesh> {
    const mesh = new Mesh(pods, await mkdtemp(join(tmpdir(), 'weft-bench-history-')));
    await mesh.#push(Array.from({ length: pods }, (_, index) => pod(index, true)));
    await (await mesh.#history).flush();
    return mesh;
  }

  /** A second of churn. Returns the milliseconds of CPU that each change took. */
  async second(): Promise<number> {
    const history = await this.#history;
    const typeUrl = typeUrls.endpoints;
    const before = process.cpuUsage();
    for (let count = 0; count < changesEach; count++) {
      const index = (this.#changes++ * 7919) % this.#pods;
      const changed = pod(index, !this.#workloads.get(`shop/pod-${index}`)?.ready);
      this.#changedBytes += JSON.stringify(changed).length;
      await this.#push([changed]);
      const nonce = String(this.#changes);
      for (const workload of proxies) {
        history.sent({ workload, typeUrl, nonce, resources: [{ name: 'a' }], removed: [] });
        history.acked({ workload, typeUrl, nonce, version: 'v', complete: true, at: Date.now() });
      }
      await sleep(1000 / changesEach);
    }
    const { user, system } = process.cpuUsage(before);
    return (user + system) / 1000 / changesEach;
  }

  /** What was written since `before`, against the changed pods as JSON. */
  async bytesToChanged(before: number): Promise<number> {
    return ((await this.bytes()) - before) / this.#changedBytes;
  }

  /** Bytes on disk. */
  async bytes(): Promise<number> {
    const segments = join(this.#directory, 'segments');
    const sizes = (await readdir(segments)).map(async (name) => (await stat(join(segments, name))).size);
    return (await Promise.all(sizes)).reduce((sum, size) => sum + size, 0);
  }

  async close(): Promise<void> {
    await (await this.#history).close();
    await rm(this.#directory, { recursive: true });
  }

  async #push(workloads: readonly Workload[]): Promise<void> {
    const turn = this.#graph.turn(() => {
      for (const workload of workloads) this.#workloads.set(workload.id, workload);
    });
    const changes = factChanges(turn, this.#facts);
    (await this.#history).record({ changes, endpointsOnly: workloads.length === 1 });
  }
}

const large = await Mesh.open(5000);
const small = await Mesh.open(500);
const before = await large.bytes();
const found = await compare(
  () => large.second(),
  () => small.second(),
);
console.log(`5,000 pods   ${spread(found.a, 'ms of CPU a change')}`);
console.log(`500 pods     ${spread(found.b, 'ms of CPU a change')}`);
const written = await large.bytesToChanged(before);
await Promise.all([large.close(), small.close()]);
console.log(`ratio history/5000-to-500 ${found.ratio.toFixed(2)}`);
console.log(`ratio history/bytes-to-changed ${written.toFixed(2)}`);
