import type { ExecutionContext } from 'ava';
import { get, kubectl } from './command.ts';

/** Lets a namespace speak for a proto package, until the test ends. */
export async function givePackage(t: ExecutionContext, namespace: string, protoPackage: string): Promise<void> {
  const { spec } = await get<{ spec: { packages: readonly object[] } }>('meshconfig', 'mesh');
  const setPackages = (packages: readonly object[]) =>
    kubectl(
      ...['patch', 'meshconfig', 'mesh', '--type=merge', '--field-manager=helm'],
      ...['-p', JSON.stringify({ spec: { packages } })],
    );
  await setPackages([...spec.packages, { namespace, protoPackage }]);
  t.teardown(async () => {
    await setPackages(spec.packages);
  });
}
