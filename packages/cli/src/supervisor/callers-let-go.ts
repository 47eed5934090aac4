import { setTimeout as sleep } from 'node:timers/promises';
import { endpointsTaken } from '../mesh/in-sync.ts';
import type { ControlPlaneProcess } from './control-plane-process.ts';

/** How long callers may take to let go of a replica that goes away. */
const settleMs = 3_000;
const pollMs = 50;

/** Waits until no proxy holds the endpoints of a replica that goes away, or for 3 s. Never rejects. */
export async function callersLetGo(
  controlPlane: Pick<ControlPlaneProcess, 'status'>,
  replica: { readonly namespace: string; readonly name: string },
): Promise<void> {
  const end = Date.now() + settleMs;
  while (Date.now() < end) {
    try {
      const status = await controlPlane.status();
      const known = status.workloads.find(
        ({ namespace, name }) => namespace === replica.namespace && name === replica.name,
      );
      if (known?.ready !== true && endpointsTaken(status)) return;
    } catch {
      // Without a control plane nobody can be told; the calls that still come are served while it drains.
    }
    await sleep(pollMs);
  }
}
