/**
 * How long `weft up` takes, after installation, until the first order is confirmed, and what all its processes hold in memory.
 * The goal is 15 s on two cores; the ratio is of that.
 */
import { randomUUID } from 'node:crypto';
import { OrderStatus } from '@shop/orders-contract/v1';
import { startMesh } from '../tests/mesh.ts';
import { goodOrder, shopAt } from '../tests/shop.ts';
import { median, spread } from './pairs.ts';
import { residentMegabytes } from './process-usage.ts';

const goalSeconds = 15;
const rounds = Number(process.env.ROUNDS ?? 3);
const seconds: number[] = [];
const megabytes: number[] = [];

for (let round = 0; round < rounds; round++) {
  const begin = performance.now();
  const mesh = await startMesh();
  try {
    const { order } = await shopAt(mesh.edge).orders.placeOrder(goodOrder({ idempotencyKey: randomUUID() }));
    if (order?.status !== OrderStatus.CONFIRMED)
      throw new Error(`the first order is ${order?.status}: ${order?.reason}`);
    seconds.push((performance.now() - begin) / 1000);
    const { supervisor } = await mesh.status();
    const pids = [
      ...supervisor.replicas.flatMap((replica) => [replica.pid, replica.envoyPid]),
      ...supervisor.processes.map((process) => process.pid),
    ].filter((pid) => pid !== undefined);
    megabytes.push(residentMegabytes(...pids));
    console.log(
      `round ${round + 1}: first order after ${seconds.at(-1)?.toFixed(1)} s, ${megabytes.at(-1)?.toFixed(0)} MB resident`,
    );
  } finally {
    await mesh.stop();
  }
}
console.log(`first order  ${spread(seconds, 's')}`);
console.log(`resident     ${spread(megabytes, 'MB')}  (pages that processes share count for each)`);
console.log(`ratio up/goal ${(median(seconds) / goalSeconds).toFixed(2)}`);
