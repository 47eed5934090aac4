import { waitFor } from '../wait-for.ts';
import { kubectl } from './command.ts';

/** A line of the control plane's log. */
export interface LogLine {
  /** ISO 8601. */
  readonly time: string;
  readonly msg: string;
  readonly workload?: string;
  readonly caller?: string;
  readonly path?: string;
  readonly reason?: string;
  readonly advice?: string;
}

/** What all replicas of the control plane have logged, as far as the cluster still has it. */
export async function controlPlaneLog(namespace: string): Promise<readonly LogLine[]> {
  const selector = ['-l', 'app.kubernetes.io/component=control-plane', '-c', 'control-plane'];
  const text = await kubectl('logs', '-n', namespace, ...selector, '--tail=-1', '--max-log-requests=10');
  return text.split('\n').flatMap((line): LogLine[] => (line.startsWith('{') ? [JSON.parse(line)] : []));
}

/** Waits until a line is logged. Proxies tell the control plane of connections once a second. */
export function logged(namespace: string, what: string, matches: (line: LogLine) => boolean): Promise<LogLine> {
  return waitFor(
    `a line of the control plane's log: ${what}`,
    async () => (await controlPlaneLog(namespace)).find(matches),
    { intervalMs: 500 },
  );
}
