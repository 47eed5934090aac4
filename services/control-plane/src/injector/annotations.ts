import { marks } from '@weft/compiler/pod/marks';
import type { Labels, Pod } from './pod.ts';
import type { ProxyResources } from './settings.ts';

/** How a pod wants to be injected. */
export interface Choices {
  /** Names of the containers that are made with the service kit; "all" when the pod says "true". */
  readonly kit: readonly string[] | 'all';
  /** Whose calls from other pods go through the proxy; "all" but the excluded ones. */
  readonly inboundPorts: readonly number[] | 'all';
  readonly excludeInboundPorts: readonly number[];
  readonly excludeOutboundPorts: readonly number[];
  /** Addresses and CIDR blocks, of both families. */
  readonly excludeOutboundAddresses: readonly string[];
  readonly resources: Partial<ProxyResources>;
  readonly logLevel?: string;
  /** Worker threads of the proxy. Default: 2. */
  readonly concurrency: number;
}

/** An annotation says something that cannot be done. The message names it, its value and what would be right. */
export class AnnotationError extends Error {
  override readonly name = 'AnnotationError';
}

/** Whether a pod is to be in the mesh: its own word, an annotation before a label, else its namespace's. */
export function wantsInjection(pod: Pod, namespaceLabels: Labels): boolean {
  const { annotations, labels } = pod.metadata ?? {};
  const word = annotations?.[marks.inject] ?? labels?.[marks.inject] ?? namespaceLabels[marks.inject];
  if (word === undefined || word === 'false') return false;
  if (word === 'true') return true;
  throw new AnnotationError(`${marks.inject}: ${JSON.stringify(word)} must be "true" or "false"`);
}

/** Whether the pod or its namespace asks for no interception. */
export function forbidsInterception(pod: Pod, namespaceLabels: Labels): boolean {
  const word = pod.metadata?.annotations?.[marks.interception] ?? namespaceLabels[marks.interception];
  if (word === undefined) return false;
  if (word === 'none') return true;
  throw new AnnotationError(`${marks.interception}: ${JSON.stringify(word)} must be "none", or absent`);
}

/** Reads the annotations of a pod. Throws AnnotationError for the first that makes no sense. */
export function readChoices(pod: Pod): Choices {
  const annotations = pod.metadata?.annotations ?? {};
  const kit = annotations[marks.kit];
  const inbound = annotations[marks.inboundPorts];
  const logLevel = oneOf(annotations, marks.logLevel, logLevels);
  return {
    kit: kit === 'true' ? 'all' : kit === 'false' ? [] : list(kit),
    inboundPorts: inbound === undefined || inbound === '*' ? 'all' : ports(annotations, marks.inboundPorts),
    excludeInboundPorts: ports(annotations, marks.excludeInboundPorts),
    excludeOutboundPorts: ports(annotations, marks.excludeOutboundPorts),
    excludeOutboundAddresses: addresses(annotations, marks.excludeOutboundAddresses),
    resources: {
      ...quantity(annotations, marks.cpuRequest, 'cpuRequest'),
      ...quantity(annotations, marks.cpuLimit, 'cpuLimit'),
      ...quantity(annotations, marks.memoryRequest, 'memoryRequest'),
      ...quantity(annotations, marks.memoryLimit, 'memoryLimit'),
    },
    ...(logLevel === undefined ? {} : { logLevel }),
    concurrency: count(annotations, marks.concurrency) ?? defaultConcurrency,
  };
}

/**
 * Worker threads of a sidecar without an annotation. Each has its own connections to every callee, its own memory and its own share of the
 * statistics, and one carries more calls than a small pod makes.
 */
const defaultConcurrency = 1;

const logLevels = ['trace', 'debug', 'info', 'warning', 'error', 'critical', 'off'];

function list(value: string | undefined): string[] {
  return (value ?? '')
    .split(',')
    .map((part) => part.trim())
    .filter((part) => part !== '');
}

function ports(annotations: Labels, name: string): number[] {
  return list(annotations[name]).map((part) => {
    const port = Number(part);
    if (/^\d+$/.test(part) && port >= 1 && port <= 65_535) return port;
    throw new AnnotationError(`${name}: ${JSON.stringify(part)} must be a port, 1 to 65535`);
  });
}

function addresses(annotations: Labels, name: string): string[] {
  return list(annotations[name]).map((part) => {
    if (isAddressBlock(part)) return part;
    throw new AnnotationError(
      `${name}: ${JSON.stringify(part)} must be an address or a CIDR block, as 10.0.0.0/8 or fd00::/8`,
    );
  });
}

/** Loose on purpose but closed: what passes here reaches a rule of iptables, which is strict by itself. */
function isAddressBlock(text: string): boolean {
  const v4 = /^(\d{1,3})\.(\d{1,3})\.(\d{1,3})\.(\d{1,3})(?:\/(\d{1,2}))?$/.exec(text);
  if (v4) return v4.slice(1, 5).every((byte) => Number(byte) <= 255) && Number(v4[5] ?? 32) <= 32;
  const v6 = /^(?=.*:)[0-9a-fA-F:]{2,39}(?:\/(\d{1,3}))?$/.exec(text);
  return v6 !== null && Number(v6[1] ?? 128) <= 128;
}

function quantity<Key extends keyof ProxyResources>(annotations: Labels, name: string, key: Key) {
  const value = annotations[name];
  if (value === undefined) return {};
  if (/^\d+(?:\.\d+)?(?:m|k|M|G|Ki|Mi|Gi)?$/.test(value)) return { [key]: value };
  throw new AnnotationError(`${name}: ${JSON.stringify(value)} must be a quantity, as 100m or 128Mi`);
}

function count(annotations: Labels, name: string): number | undefined {
  const value = annotations[name];
  if (value === undefined) return undefined;
  if (/^\d{1,3}$/.test(value) && Number(value) >= 1) return Number(value);
  throw new AnnotationError(`${name}: ${JSON.stringify(value)} must be a number, 1 to 999`);
}

function oneOf(annotations: Labels, name: string, words: readonly string[]): string | undefined {
  const value = annotations[name];
  if (value === undefined || words.includes(value)) return value;
  throw new AnnotationError(`${name}: ${JSON.stringify(value)} must be one of ${words.join(', ')}`);
}
