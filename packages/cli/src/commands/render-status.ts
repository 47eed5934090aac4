import { timestampMs } from '@bufbuild/protobuf/wkt';
import {
  type Proxy as ConnectedProxy,
  type GetStatusResponse,
  Root_Phase,
  type Workload,
} from '@weft/api/weft/api/v1/mesh';
import { problemWords } from '@weft/compiler/model/problem';
import { proxySync } from '@weft/compiler/model/proxy-sync';
import type { SupervisorStatus } from '../supervisor/supervisor-client.ts';
import { formatDuration } from '../terminal/duration.ts';
import type { Paint } from '../terminal/style.ts';
import { table } from '../terminal/table.ts';
import { overrideLines, withoutEnded } from './render-overrides.ts';
import { rootLine } from './render-root.ts';

/** What is shown: the control plane's view, and the supervisor's if one runs. */
export interface StatusView {
  readonly mesh: GetStatusResponse | undefined;
  readonly supervisor: SupervisorStatus | undefined;
  /** Epoch milliseconds. */
  readonly now: number;
}

/** Formats the status for the terminal: services, replicas with their proxies, then what is wrong. */
export function renderStatus({ mesh, supervisor, now }: StatusView, paint: Paint): string {
  const sections: string[] = [];
  if (supervisor) sections.push(processes(supervisor, paint));
  if (mesh?.pin) {
    const { revisionId, since, why, by } = mesh.pin;
    const reason = [by && `by ${by}`, why].filter((text) => text !== '').join(': ');
    const age = since ? `, since ${formatDuration(now - timestampMs(since))}` : '';
    const line = `Contracts and policies are held at revision ${revisionId}${age}${reason ? ` (${reason})` : ''}; \`weft revert --clear\` ends that`;
    sections.push(paint('yellow', line));
  }
  if (mesh) {
    sections.push(services(mesh, supervisor, paint), workloads(mesh, now, paint));
    const root = mesh.controlPlane?.root;
    if (root && root.phase !== Root_Phase.STEADY) sections.push(section('Root', [rootLine(root, now)], paint));
    const refused = mesh.workloads.flatMap((workload) => refusals(workload));
    if (refused.length) sections.push(section('Rejected by Envoy', refused, paint));
    const problems = mesh.problems.map((problem) => {
      const where = problem.field ? `${problem.resource} ${problem.field}` : problem.resource;
      const since = problem.since ? `, since ${formatDuration(now - timestampMs(problem.since))}` : '';
      return `${where}: ${problemWords(problem)}${since}`;
    });
    const overrides = overrideLines(withoutEnded(mesh.overrides), now, paint);
    if (overrides.length) sections.push(section('Overrides', overrides, paint));
    if (problems.length) sections.push(section('Problems (the last good configuration stays in use)', problems, paint));
    const denials = mesh.denials.map(({ count, lastAt, message, caller, method }) => {
      const ago = lastAt ? `${formatDuration(now - timestampMs(lastAt))} ago` : '';
      const last = ago && (count === 1n ? `, ${ago}` : `, last ${ago}`);
      return `${count === 1n ? 'once' : `${count} times`}${last}: ${message || `${caller} called ${method}`}`;
    });
    if (denials.length) sections.push(section('Refused calls', denials, paint));
  }
  return sections.join('\n\n');
}

function processes({ phase, port, processes, replicas, troubles }: SupervisorStatus, paint: Paint): string {
  const where = processes.map(({ name, listen }) => `${name} ${listen}`);
  const down = [...processes, ...replicas].filter(({ reason }) => reason !== '');
  return [
    `edge http://localhost:${port}  ${where.join('  ')}  (${phase})`,
    ...down.map(({ name, reason }) => paint('red', `${name}: ${reason}`)),
    // The lines of its replicas, above, already show a service that takes no calls.
    ...troubles
      .filter(
        ({ subject, message }) => !replicas.some(({ service, reason }) => service === subject && reason === message),
      )
      .map(({ subject, message }) => paint('red', `${subject}: ${message}`)),
  ].join('\n');
}

function services(mesh: GetStatusResponse, supervisor: SupervisorStatus | undefined, paint: Paint): string {
  const rows = mesh.services.map(({ namespace, name, logicalName, readyReplicas, replicas, contractHashes }) => [
    `${namespace}/${name}`,
    logicalName || '-',
    paint(readyReplicas === replicas && replicas > 0 ? 'green' : 'red', `${readyReplicas}/${replicas}`),
    contractHashes.join(' ') || '-',
    supervisor?.elsewhere.find((one) => one.namespace === namespace && one.name === name)?.what ?? '',
  ]);
  return table([header(['SERVICE', 'CONTRACT', 'READY', 'VERSIONS', ''], paint), ...rows]);
}

function workloads(mesh: GetStatusResponse, now: number, paint: Paint): string {
  const rows = mesh.workloads.map(({ namespace, name, ready, reason, address, proxy }) => [
    `${namespace}/${name}`,
    ready ? paint('green', 'ready') : paint('red', 'not ready'),
    address || '-',
    proxy?.envoyVersion || '-',
    certificate(proxy, now, paint),
    configuration(proxy, paint),
    lastAck(proxy, now),
    reason,
  ]);
  const titles = ['REPLICA', 'STATE', 'ADDRESS', 'ENVOY', 'CERTIFICATE ENDS', 'CONFIGURATION', 'SINCE', ''];
  return table([header(titles, paint), ...rows]);
}

function certificate(proxy: ConnectedProxy | undefined, now: number, paint: Paint): string {
  if (!proxy?.certificateNotAfter) return '-';
  const leftMs = timestampMs(proxy.certificateNotAfter) - now;
  return leftMs > 0 ? `in ${formatDuration(leftMs)}` : paint('red', `${formatDuration(-leftMs)} ago`);
}

function configuration(proxy: ConnectedProxy | undefined, paint: Paint): string {
  const sync = proxySync(proxy?.acknowledgements);
  // The word that Envoy's own documentation uses.
  if (sync === 'refused') return paint('red', 'NACK');
  return paint(sync === 'in sync' ? 'green' : sync === 'behind' ? 'yellow' : 'red', sync);
}

/** Since when it has its configuration. A proxy that reconnected with everything it needs has accepted nothing since. */
function lastAck(proxy: ConnectedProxy | undefined, now: number): string {
  const times = (proxy?.acknowledgements ?? []).flatMap(({ ackedAt }) => (ackedAt ? [timestampMs(ackedAt)] : []));
  if (times.length === 0 && proxy?.connectedAt) times.push(timestampMs(proxy.connectedAt));
  return times.length > 0 ? formatDuration(now - Math.max(...times)) : '-';
}

function refusals({ namespace, name, proxy }: Workload): string[] {
  return (proxy?.acknowledgements ?? [])
    .filter(({ nack }) => nack !== '')
    .map(({ typeUrl, nack, nackSource }) => {
      const type = typeUrl.split('.').at(-1) ?? typeUrl;
      return `${namespace}/${name} ${type}: ${nack}${nackSource ? ` (from ${nackSource})` : ''}`;
    });
}

function section(title: string, lines: readonly string[], paint: Paint): string {
  return [paint('bold', title), ...lines.map((line) => `  ${line}`)].join('\n');
}

function header(titles: readonly string[], paint: Paint): string[] {
  return titles.map((title) => (title ? paint('dim', title) : ''));
}
