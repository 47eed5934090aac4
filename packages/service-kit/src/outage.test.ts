import test from 'ava';
import { createLogger } from './log/logger.ts';
import { Outage } from './outage.ts';

test('an outage is two lines, with the cause at the bottom and how long it took', (t) => {
  const lines: string[] = [];
  const outage = new Outage(createLogger({ write: (line) => void lines.push(line) }, 'info'), 'no work can be claimed');
  outage.over();
  const refused = new Error('connect ECONNREFUSED');
  outage.failed(new Error('orders: the database is not reachable', { cause: refused }), 1000);
  outage.failed(refused, 1500);
  outage.over(3000);
  outage.over();
  outage.failed(new AggregateError([refused, new Error('connect ENETUNREACH')]), 4000);
  const said = lines.map((line) => JSON.parse(line));
  t.deepEqual(
    said.map(({ msg, reason, afterMs }) => [msg, reason ?? afterMs]),
    [
      ['no work can be claimed; trying again until it works', 'connect ECONNREFUSED'],
      ['no work can be claimed: over', 2000],
      ['no work can be claimed; trying again until it works', 'connect ECONNREFUSED; connect ENETUNREACH'],
    ],
  );
});
