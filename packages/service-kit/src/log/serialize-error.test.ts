import { Code } from '@connectrpc/connect';
import test from 'ava';
import pg from 'pg';
import { ServiceError } from '../service-error.ts';
import { createLogger } from './logger.ts';
import { serializeError } from './serialize-error.ts';

function databaseError(code: string, message: string, detail?: string): pg.DatabaseError {
  const error = new pg.DatabaseError(message, message.length, 'error');
  return Object.assign(error, { code, detail, table: 'cards', constraint: 'cards_pkey' });
}

test('causes are followed, with codes and stacks', (t) => {
  const error = new ServiceError(Code.Unavailable, 'away', { cause: new RangeError('why') });
  const logged = serializeError(error);
  t.like(logged, { type: 'ServiceError', message: 'away', code: Code.Unavailable });
  t.like(logged.cause, { type: 'RangeError', message: 'why' });
  t.regex(logged.stack ?? '', /^\s+at /);
});

test('of PostgreSQL’s errors names are kept and values are not', (t) => {
  const duplicate = databaseError('23505', 'duplicate key value violates "cards_pkey"', 'Key (number)=(4111) exists.');
  t.like(serializeError(duplicate), {
    code: '23505',
    message: 'duplicate key value violates "cards_pkey"',
    table: 'cards',
    constraint: 'cards_pkey',
  });
  const invalid = databaseError('22P02', 'invalid input syntax for type uuid: "4111"');
  for (const error of [duplicate, invalid, new Error('x', { cause: invalid })]) {
    t.false(JSON.stringify(serializeError(error)).includes('4111'));
  }
});

test.serial('passwords and connection strings are not', (t) => {
  const before = process.env.PGPASSWORD;
  t.teardown(() => {
    if (before === undefined) delete process.env.PGPASSWORD;
    else process.env.PGPASSWORD = before;
  });
  process.env.PGPASSWORD = 'hunter2';
  for (const message of [
    'cannot reach postgres://orders:swordfish@db:5432/bakery',
    'host=db password=swordfish user=orders',
    'auth with hunter2 failed',
    'cannot reach postgres://orders:p@swordfish@db:5432/bakery',
    "host=db password='a swordfish\\' b swordfish' user=orders",
    'pwd="a swordfish" user=orders',
  ]) {
    t.notRegex(JSON.stringify(serializeError(new Error(message))), /swordfish|hunter2/);
  }
});

test('what is not an error is no trouble, nor is a cause that names itself', (t) => {
  t.deepEqual(serializeError('thrown'), { type: 'string', message: 'thrown' });
  const error = new Error('round');
  error.cause = error;
  t.is(serializeError(error).message, 'round');
});

test('an error that cannot be read is logged all the same', (t) => {
  const fails = () => {
    throw new Error('no');
  };
  const odd = [
    Object.assign(new Error('m'), { stack: 5 }),
    Object.assign(new Error('m'), { stack: {}, name: Object.create(null) }),
    Object.assign(new Error('m'), { name: Symbol('x') }),
    Object.assign(new Error('m'), { message: Object.create(null) }),
    ...['message', 'name', 'stack', 'code', 'cause'].map((key) =>
      Object.defineProperty(new Error('m'), key, { get: fails }),
    ),
    new Proxy(new Error('m'), { get: fails }),
    new Proxy({}, { getPrototypeOf: fails }),
    new Error('m', { cause: new Proxy(new Error('m'), { get: fails }) }),
  ];
  for (const [index, error] of odd.entries()) t.truthy(serializeError(error).message, String(index));
});

test('lines are JSON with time, level, service and message', (t) => {
  const lines: string[] = [];
  createLogger({ write: (line) => void lines.push(line) }).warn({ err: new Error('x') }, 'careful');
  t.like(JSON.parse(lines[0] ?? ''), { level: 'warn', msg: 'careful', err: { type: 'Error', message: 'x' } });
  t.regex(JSON.parse(lines[0] ?? '').time, /^\d{4}-\d\d-\d\dT/);
});

test('long errors are cut, and take no time', (t) => {
  const long = 'x'.repeat(8_000_000);
  const hostile = [
    new Error('x'.repeat(80_000)),
    new Error(long),
    new Error('://'.repeat(2_000_000)),
    new Error('a://'.repeat(2_000_000)),
    new Error('a://b:c'.repeat(1_000_000)),
    new Error('password='.repeat(1_000_000)),
    new Error(' '.repeat(8_000_000)),
    new Error('\n at x'.repeat(1_000_000)),
    Object.assign(new Error('x'), { name: long, code: long, stack: long }),
    Object.assign(databaseError('23505', long), { table: long, constraint: long }),
    new Error('x', { cause: new Error(long, { cause: long }) }),
    long,
    { toString: () => long },
    Object.create(null),
  ];
  for (const [index, error] of hostile.entries()) {
    const before = process.cpuUsage();
    const text = JSON.stringify(serializeError(error));
    const { user, system } = process.cpuUsage(before);
    t.true(user + system < 250_000, `${index}: ${user + system} us`);
    t.true(text.length < 100_000, `${index}: ${text.length}`);
  }
  t.regex(serializeError(new Error(long)).stack ?? '', /^\s+at /, 'the frames of a long message stay');
});

test('a secret at the cut is not logged either', (t) => {
  for (let before = 8_100; before < 8_200; before++) {
    const text = `${'x'.repeat(before)} postgres://orders:${'swordfish'.repeat(200)}@db/bakery`;
    t.notRegex(serializeError(new Error(text)).message, /sword/, String(before));
  }
  t.is(
    serializeError(new Error('at http://a/b and x://u:p@h and https://c')).message,
    'at http://a/b and x://***@h and https://c',
  );
});
