/**
 * The environment in a cluster:
 *
 *   node k8s/cluster.ts up          in the cluster of the current kubeconfig, whose nodes have the images already
 *   node k8s/cluster.ts down        takes it out again
 *   node k8s/cluster.ts kind-up     makes a kind cluster first, and loads the images into it
 *   node k8s/cluster.ts kind-down   removes that cluster
 *   node k8s/cluster.ts cluster-ready, kind-ready   say what the others would miss
 */
import { readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { environment } from './environment.ts';
import { firstOrder } from './first-order.ts';
import { builtImages, type Images } from './images.ts';
import { namespaces, ports } from './names.ts';
import { isMissing, read, run } from './run.ts';

const root = join(import.meta.dirname, '..');
const dist = join(import.meta.dirname, 'dist');
const kindCluster = 'weft';
const say = (text: string): void => console.log(text);

function images(): Images {
  const built = builtImages(root);
  if (!built) throw new Error('dist/images.json is missing: run make images first');
  return built;
}

/** Nothing of an earlier synthesis stays beside it. */
async function synthesize(images: Images): Promise<void> {
  await rm(dist, { recursive: true, force: true });
  environment({ root, images, outdir: dist }).synth();
}

/** Applies the environment and waits until an order works at its edge. */
async function up(edge: () => Promise<string>): Promise<void> {
  await synthesize(images());
  // The charts of the app are files in their order: definitions come before what they define.
  for (const file of (await readdir(dist)).sort()) {
    say(`Applying k8s/dist/${file} ...`);
    // By the server, strictly: a field that it does not know is an error here and not a surprise later.
    await run('kubectl', 'apply', '--server-side', '--force-conflicts', '--validate=strict', '-f', join(dist, file));
    if (file.includes('definitions')) {
      await run('kubectl', 'wait', '--for=condition=Established', '--timeout=60s', '-f', join(dist, file));
    }
  }
  for (const namespace of Object.values(namespaces)) {
    say(`Waiting for ${namespace} ...`);
    const workloads = await read('kubectl', 'get', 'deployments,statefulsets', '-n', namespace, '-o', 'name');
    for (const workload of workloads.trim().split('\n').filter(Boolean)) {
      await run('kubectl', 'rollout', 'status', '-n', namespace, workload, '--timeout=300s');
    }
  }
  const address = await edge();
  const order = await firstOrder(address, 120_000);
  const host = address.replace(/^http:\/\//, '');
  say(`
An order went through (${order}). Try:

  grpcurl -plaintext -import-path proto -import-path packages/policy/proto -proto shop/catalog/v1/catalog.proto \\
    ${host} shop.catalog.v1.CatalogService/ListProducts
  curl ${address}/v1/products/WFT-0001
  kubectl get pods -n ${namespaces.shop}
`);
}

async function down(): Promise<void> {
  await synthesize(builtImages(root) ?? {});
  await run('kubectl', 'delete', '--ignore-not-found', '--wait=true', '-f', dist);
}

/** Of Kubernetes 1: the least that Weft is made for. */
const leastMinor = 30;

/** Rejects with what is missing, where no cluster of a version that will do answers at the current context. */
async function clusterReady(): Promise<void> {
  const text = await read('kubectl', 'version', '-o', 'json', '--request-timeout=10s').catch((error: Error) => {
    if (isMissing(error)) throw new Error('there is no kubectl on PATH');
    throw new Error(`no cluster answers at the current context of kubectl: ${error.message}`);
  });
  const { serverVersion }: { serverVersion?: { major: string; minor: string } } = JSON.parse(text);
  const { major = '', minor = '' } = serverVersion ?? {};
  if (major === '1' && Number.parseInt(minor, 10) < leastMinor) {
    throw new Error(`the cluster is Kubernetes ${major}.${minor} and must be 1.${leastMinor} or later`);
  }
}

async function kindReady(): Promise<void> {
  await kind('get', 'clusters');
}

function kind(...args: readonly string[]): Promise<string> {
  return read('kind', ...args).catch((error: Error) => {
    if (!isMissing(error)) throw error;
    throw new Error('there is no kind on PATH. make cluster-up CLUSTER=current uses the cluster of your kubeconfig');
  });
}

async function kindUp(): Promise<void> {
  const clusters = (await kind('get', 'clusters')).split('\n');
  if (!clusters.includes(kindCluster)) {
    await run('kind', 'create', 'cluster', '--config', join(import.meta.dirname, 'kind.yaml'), '--wait', '120s');
  }
  await run('kubectl', 'config', 'use-context', `kind-${kindCluster}`);
  // Of the stock images kind's node can pull what this machine has not.
  await run('kind', 'load', 'docker-image', '--name', kindCluster, ...Object.values(images()));
  await up(async () => `http://127.0.0.1:${ports.edge}`);
}

/** The edge at a node's own address. */
async function nodeEdge(): Promise<string> {
  const path = '{.items[0].status.addresses[?(@.type=="InternalIP")].address}';
  const address = await read('kubectl', 'get', 'nodes', '-o', `jsonpath=${path}`);
  return `http://${address.trim()}:${ports.edgeNode}`;
}

const commands: Readonly<Record<string, () => Promise<void>>> = {
  up: () => up(nodeEdge),
  down,
  'cluster-ready': clusterReady,
  'kind-ready': kindReady,
  'kind-up': kindUp,
  'kind-down': () => run('kind', 'delete', 'cluster', '--name', kindCluster),
};

const [name = '', cluster = 'current'] = process.argv.slice(2);
const command = commands[name];
try {
  if (cluster !== 'current') throw new Error(`CLUSTER=${cluster} must be "current", the one of the current kubeconfig`);
  if (!command) throw new Error(`one of ${Object.keys(commands).join(', ')}`);
  await command();
} catch (error) {
  console.error(`k8s: ${error instanceof Error ? error.message : String(error)}`);
  process.exitCode = 1;
}
