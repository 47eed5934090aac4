import type { ExternalService } from '../model/external-service.ts';
import type { ExposureRow, MeshSettings, PermissiveRule } from '../model/mesh.ts';
import { timeWords } from '../model/policy-words.ts';
import type { Change, DestinationDiff } from './mesh-diff.ts';

/** What changes of the settings that hold for the whole mesh. */
export function settingsChanges(old: MeshSettings, fresh: MeshSettings): Change[] {
  const changes: Change[] = [];
  const compare = (name: string, before: string, after: string) => {
    if (before !== after) changes.push({ kind: 'settings', before, after, text: `${name}: ${before} -> ${after}` });
  };
  compare('trust domain', old.trustDomain, fresh.trustDomain);
  compare('calls to undeclared hosts outside the mesh', old.outbound, fresh.outbound);
  compare('certificates live', timeWords(old.certificateLifetimeMs), timeWords(fresh.certificateLifetimeMs));
  compare('calls stay in their zone', yesNo(old.zoneAware), yesNo(fresh.zoneAware));
  compare('calls in the access log', old.accessLog, fresh.accessLog);
  compare('spans go to', tracingWords(old), tracingWords(fresh));
  changes.push(
    ...rows('settings', 'plain text is also accepted', old.permissive.map(ruleWords), fresh.permissive.map(ruleWords)),
  );
  const logged = ({ accessLogs }: MeshSettings) =>
    accessLogs.map(({ namespace, level }) => `${level} in namespace ${namespace}`);
  changes.push(...rows('settings', 'calls in the access log', logged(old), logged(fresh)));
  const denied = ({ outbounds = [] }: MeshSettings) =>
    outbounds.map(({ outbound, ...rule }) => `${outbound} for ${ruleWords(rule)}`);
  changes.push(...rows('settings', 'calls to undeclared hosts outside the mesh', denied(old), denied(fresh)));
  const speaks = ({ packages }: MeshSettings) =>
    packages.map(({ namespace, protoPackage }) => `namespace ${namespace} for ${protoPackage}`);
  changes.push(...rows('settings', 'who speaks', speaks(old), speaks(fresh)));
  changes.push(
    ...rows('settings', 'who is exposed', old.exposure.map(exposureWords), fresh.exposure.map(exposureWords)),
  );
  return changes;
}

/** What changes of destinations outside the mesh, for those who call them. */
export function externalServiceChanges(
  old: readonly ExternalService[],
  fresh: readonly ExternalService[],
): DestinationDiff[] {
  const [olds, news] = [new Map(old.map((each) => [each.id, each])), new Map(fresh.map((each) => [each.id, each]))];
  return [...new Set([...olds.keys(), ...news.keys()])].sort().flatMap((id): DestinationDiff[] => {
    const [was, is] = [olds.get(id), news.get(id)];
    const [before, after] = [was && externalWords(was), is && externalWords(is)];
    if (before === after) return [];
    const text =
      after === undefined
        ? `removed (was ${before}): it is an undeclared host from now on`
        : before === undefined
          ? `added: ${after}`
          : `${before} -> ${after}`;
    const change: Change = {
      kind: 'external service',
      ...(before === undefined ? {} : { before }),
      ...(after === undefined ? {} : { after }),
      text,
    };
    return [{ name: `external service ${id}`, changes: [change] }];
  });
}

function rows(kind: Change['kind'], name: string, old: readonly string[], fresh: readonly string[]): Change[] {
  return [
    ...old
      .filter((row) => !fresh.includes(row))
      .map((before): Change => ({ kind, before, after: 'none', text: `${name}: no longer ${before}` })),
    ...fresh
      .filter((row) => !old.includes(row))
      .map((after): Change => ({ kind, before: 'none', after, text: `${name}: now ${after}` })),
  ];
}

function ruleWords({ namespace, labels, port }: PermissiveRule): string {
  const chosen = Object.entries(labels).map(([label, value]) => `${label}=${value}`);
  return [
    `in namespace ${namespace}`,
    chosen.length === 0 ? '' : `by ${chosen.join(', ')}`,
    port === undefined ? '' : `at port ${port}`,
  ]
    .filter((words) => words !== '')
    .join(' ');
}

function externalWords({ host, port, tls, serverFirst, addresses }: ExternalService): string {
  const blocks = addresses.map(({ address, prefixLength }) => `${address}/${prefixLength}`);
  return [
    `${host}:${port}`,
    tls ? 'TLS' : '',
    serverFirst ? 'the server speaks first' : '',
    blocks.length === 0 ? '' : `at ${blocks.join(', ')}`,
  ]
    .filter((words) => words !== '')
    .join(', ');
}

function exposureWords({ namespace, gateway, paths, hosts }: ExposureRow): string {
  const where = hosts.length === 0 ? '' : ` as ${hosts.join(', ')}`;
  return `namespace ${namespace} at ${gateway}${where} under ${paths.length === 0 ? 'no path' : paths.join(', ')}`;
}

function tracingWords({ tracing }: MeshSettings): string {
  return tracing ? `${tracing.host}:${tracing.port}, ${tracing.samplingPercent} % of them` : 'nowhere';
}

function yesNo(value: boolean): string {
  return value ? 'yes' : 'no';
}
