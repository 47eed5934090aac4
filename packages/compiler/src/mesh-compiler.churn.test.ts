import { setImmediate } from 'node:timers/promises';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import test from 'ava';
import { MeshChurn } from './testing/mesh-churn.ts';

/** `make soak` takes 200,000. */
const events = Number(process.env.CHURN_EVENTS ?? 15_000);
/** By then everything has run so often that it is compiled. */
const first = Math.min(20_000, events * 0.4);

test(`churn: ${events} events leave the heap and the readers where they were after ${first}`, async (t) => {
  t.timeout(1_800_000);
  // The runner hears of the timeout only while nothing runs.
  await setImmediate();
  const churn = new MeshChurn();
  churn.run(first);
  const [heap, watched] = [usedHeap(), churn.graph.watched];
  churn.run(events - first);
  const grown = usedHeap() - heap;
  t.log(`${churn.turns} turns; the heap has grown by ${grown} bytes`);
  t.true(grown < 1_000_000, `the heap has grown by ${grown} bytes`);
  t.true(
    Math.abs(churn.graph.watched - watched) < watched / 8,
    `${churn.graph.watched} watched, expected about ${watched}`,
  );
  t.deepEqual(churn.compiler.failures(), []);
  churn.clear();
  t.is(churn.graph.watched, new MeshChurn().graph.watched);
});

/** Bytes in use after a garbage collection. */
function usedHeap(): number {
  setFlagsFromString('--expose-gc');
  const gc: () => void = runInNewContext('gc');
  gc();
  return process.memoryUsage().heapUsed;
}
