import { join } from 'node:path';
import type { ExecutionContext } from 'ava';
import type { XdsAddress } from '../proxy-identity.ts';
import { goodOrder, shopAt } from '../shop.ts';
import { waitFor } from '../wait-for.ts';
import { isReady, nodeAddress, podsOf } from './cluster.ts';
import { get, helm, kubectl } from './command.ts';

const root = join(import.meta.dirname, '../..');

/** Where the two charts go, as in README.md. */
export const systemNamespace = 'weft-system';
export const shopNamespace = 'shop';

/** Both charts, installed and serving. */
export interface Installation {
  readonly system: string;
  readonly shop: string;
  /** "http://198.18.0.1:30080". */
  readonly edge: string;
  readonly xds: XdsAddress;
}

/** Values of the charts for a test: "--set" of helm. */
export type Values = Readonly<Record<string, string | number | boolean>>;

function sets(values: Values): string[] {
  return Object.entries(values).flatMap(([key, value]) => ['--set', `${key}=${value}`]);
}

/** What a cluster of one small node needs, and tests that ask the edge by grpcurl. */
export const weftValues: Values = {
  'edge.service.type': 'NodePort',
  'edge.service.nodePort': 30080,
  'edge.reflection': true,
};
export const shopValues: Values = {};

/** How long a rotation of the root takes at the least; WEFT_ROOT_SETTLE says otherwise than the chart does. */
const settle = process.env.WEFT_ROOT_SETTLE;
const settleValues: Values = settle === undefined ? {} : { 'controlPlane.rootSettle': settle };

/** Installs both charts as a user would, and waits until an order goes through. Fails where they are installed already. */
export async function install(weft: Values = {}, shop: Values = {}): Promise<Installation> {
  await helmInstall('weft', { ...weftValues, ...settleValues, ...weft });
  await helmInstall('shop', { ...shopValues, ...shop });
  const installation = await describe();
  await waitFor(
    'an order to go through',
    async () => {
      const { order } = await shopAt(installation.edge).orders.placeOrder(goodOrder());
      return order?.orderId;
    },
    { timeoutMs: 120_000, intervalMs: 1000 },
  );
  return installation;
}

type Chart = 'weft' | 'shop';

const namespaces: Readonly<Record<Chart, string>> = { weft: systemNamespace, shop: shopNamespace };

/** `helm install` of one chart, with further options of helm. */
export function helmInstall(chart: Chart, values: Values, ...options: readonly string[]): Promise<string> {
  const at = ['-n', namespaces[chart], '--create-namespace', '--wait', '--timeout', '6m'];
  return helm('install', chart, join(root, 'charts', chart), ...at, ...sets(values), ...options);
}

/** `helm upgrade` with the values of the installation and these. */
export function upgrade(chart: Chart, values: Values = {}): Promise<string> {
  const at = ['-n', namespaces[chart], '--reuse-values', '--wait', '--timeout', '6m'];
  return helm('upgrade', chart, join(root, 'charts', chart), ...at, ...sets(values));
}

/** Takes both releases out. What stays: Weft's CRDs, the root's Secret, the services' passwords. */
export async function uninstall(): Promise<void> {
  for (const chart of ['shop', 'weft'] as const) {
    await helm('uninstall', chart, '-n', namespaces[chart], '--ignore-not-found', '--wait', '--timeout', '5m');
  }
}

/** Both charts, installed now if they are not yet. Tests share it, and leave it as they found it. */
export async function installed(t: ExecutionContext): Promise<Installation> {
  t.timeout(14 * 60_000);
  const releases: { name: string; namespace: string; status: string }[] = JSON.parse(
    await helm('list', '-A', '-o', 'json'),
  );
  const deployed = (name: string, namespace: string) =>
    releases.some((one) => one.name === name && one.namespace === namespace && one.status === 'deployed');
  if (deployed('weft', systemNamespace) && deployed('shop', shopNamespace)) return describe();
  await uninstall();
  return install();
}

async function describe(): Promise<Installation> {
  const { items } = await get<{ items: ServiceObject[] }>('services', '-n', systemNamespace);
  const nodePort = items.flatMap(({ spec }) => spec.ports).find((port) => port.nodePort)?.nodePort;
  if (!nodePort) throw new Error(`no Service in ${systemNamespace} has a node port`);
  const pods = await podsOf(systemNamespace, 'app.kubernetes.io/component=control-plane');
  const host = pods.find(isReady)?.status.podIP;
  if (!host) throw new Error('no pod of the control plane is ready');
  const map = await get<{ data: Record<string, string> }>('configmap', 'weft-root', '-n', shopNamespace);
  return {
    system: systemNamespace,
    shop: shopNamespace,
    edge: `http://${await nodeAddress()}:${nodePort}`,
    xds: { host, port: 15_012, root: Buffer.from(map.data['root.pem'] ?? '') },
  };
}

interface ServiceObject {
  readonly spec: { readonly ports: readonly { readonly port: number; readonly nodePort?: number }[] };
}

/** Deletes pods and waits until they are gone. */
export async function deletePods(namespace: string, selector: string): Promise<void> {
  await kubectl('delete', 'pods', '-n', namespace, '-l', selector, '--wait=true');
}
