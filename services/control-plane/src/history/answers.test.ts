import { typeUrls } from '@weft/compiler/envoy/resource';
import type { WorkloadId } from '@weft/compiler/model/mesh';
import test from 'ava';
import { Answers } from './answers.ts';

const typeUrl = typeUrls.endpoints;
const proxies = Array.from({ length: 1000 }, (_, index): WorkloadId => `bakery/proxy-${index}`);

function push(answers: Answers, revision: number, who: readonly WorkloadId[] = proxies): void {
  const nonce = String(revision);
  for (const workload of who)
    answers.sent({ workload, typeUrl, nonce, resources: [{ name: 'a' }], removed: [] }, revision);
  for (const workload of who) {
    answers.acked({ workload, typeUrl, nonce, version: 'v', complete: true, at: revision });
  }
}

test('what is kept proxy by proxy is bounded, and counts and refusals stay', (t) => {
  const answers = new Answers({ maxDetails: 5000 });
  const refusing: WorkloadId = 'bakery/proxy-0';
  for (let revision = 1; revision <= 100; revision++) {
    answers.begin(revision, false, revision);
    push(answers, revision);
    if (revision === 1) {
      answers.sent({ workload: refusing, typeUrl, nonce: 'x', resources: [{ name: 'a' }], removed: [] }, revision);
      answers.nacked({ workload: refusing, typeUrl, nonce: 'x', names: ['a'], message: 'no', at: 1 });
    }
    t.true(answers.details <= 5001, String(answers.details));
  }
  t.like(answers.of(1), { sent: 1000, acknowledged: 999, answers: new Map([[refusing, { nack: 'a: no' }]]) });
  t.like(answers.of(50), { sent: 1000, acknowledged: 1000, answers: new Map() });
  t.is(answers.of(100).answers.size, 1000);
  for (let revision = 1; revision <= 100; revision++) answers.forget(revision);
  t.is(answers.details, 0);
});

test('a change of endpoints is known proxy by proxy for a minute', (t) => {
  const answers = new Answers();
  answers.begin(1, true, 0);
  push(answers, 1);
  answers.begin(2, true, 59_000);
  t.is(answers.of(1).answers.size, 1000);
  answers.begin(3, true, 61_000);
  t.like(answers.of(1), { sent: 1000, acknowledged: 1000, answers: new Map() });
});

test('a change of endpoints is written as counts once all have answered; one of more, proxy by proxy and at once', (t) => {
  const answers = new Answers();
  const [first = 'bakery/a', second = 'bakery/b'] = proxies;
  answers.begin(1, true, 0);
  push(answers, 1);
  answers.sent({ workload: first, typeUrl, nonce: '1b', resources: [{ name: 'a' }], removed: [] }, 1);
  t.false(answers.hasUrgent);
  t.deepEqual(answers.takeDirty(false), []);
  answers.acked({ workload: first, typeUrl, nonce: '1b', version: 'v', complete: true, at: 7 });
  t.deepEqual(answers.takeDirty(false), [{ k: 'a', n: 1, answers: [], others: [1000, 1000] }]);
  t.deepEqual(answers.takeDirty(false), []);
  answers.begin(2, false, 1);
  push(answers, 2, [second]);
  answers.sent({ workload: first, typeUrl, nonce: '2', resources: [{ name: 'a' }], removed: [] }, 2);
  t.true(answers.hasUrgent);
  const record = { k: 'a' as const, n: 2, answers: [[second, 2] as const, [first, 0] as const] };
  t.deepEqual(answers.takeDirty(false), [record]);
  const restored = new Answers();
  restored.begin(2, false, 1);
  restored.restore(record);
  t.deepEqual(restored.of(2), answers.of(2));
});

test('what is restored of a change of endpoints is what was written last', (t) => {
  const answers = new Answers();
  const [first = 'bakery/a', second = 'bakery/b'] = proxies;
  answers.begin(1, true, 0);
  push(answers, 1, [first]);
  const records = answers.takeDirty(false);
  answers.sent({ workload: second, typeUrl, nonce: '2', resources: [{ name: 'a' }], removed: [] }, 1);
  records.push(...answers.takeDirty(true));
  const restored = new Answers();
  restored.begin(1, true, 0);
  for (const record of records) restored.restore(record);
  t.deepEqual(restored.of(1), answers.of(1));
  t.deepEqual(restored.takeDirty(true), []);
});
