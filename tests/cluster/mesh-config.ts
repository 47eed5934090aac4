import type { ExecutionContext } from 'ava';
import { get, kubectl } from './command.ts';

interface Row {
  readonly namespace: string;
  readonly protoPackage?: string;
  readonly paths?: readonly string[];
}

/** Lets a namespace speak for a proto package, until the test ends. */
export function givePackage(t: ExecutionContext, namespace: string, protoPackage: string): Promise<void> {
  return addRow(t, 'packages', { namespace, protoPackage });
}

/** Has the edge serve what contracts of a namespace expose, by REST below `path`, until the test ends. */
export function exposeNamespace(t: ExecutionContext, namespace: string, path: string): Promise<void> {
  return addRow(t, 'exposure', { namespace, paths: [path] });
}

async function addRow(t: ExecutionContext, list: string, row: Row): Promise<void> {
  await changeRows(list, (rows) => [...rows, row]);
  t.teardown(() => changeRows(list, (rows) => rows.filter(({ namespace }) => namespace !== row.namespace)));
}

/** As the chart's own manager of fields, so that the next `helm upgrade` finds no other. */
async function changeRows(list: string, change: (rows: readonly Row[]) => readonly Row[]): Promise<void> {
  const { spec } = await get<{ spec: Readonly<Record<string, readonly Row[]>> }>('meshconfig', 'mesh');
  const patch = JSON.stringify({ spec: { [list]: change(spec[list] ?? []) } });
  await kubectl('patch', 'meshconfig', 'mesh', '--type=merge', '--field-manager=helm', '-p', patch);
}
