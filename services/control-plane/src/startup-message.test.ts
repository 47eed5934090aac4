import test from 'ava';
import { OptionError, parseListenAddress } from './options.ts';
import { startupMessage } from './startup-message.ts';

function systemError(fields: object): Error {
  return Object.assign(new Error('as the system says it'), fields);
}

test('what the system refuses is said with what to do', (t) => {
  const cases: [object, RegExp][] = [
    [
      { code: 'EADDRINUSE', address: '127.0.0.1', port: 15012 },
      /^127\.0\.0\.1:15012 is taken by another process: .*--xds/,
    ],
    [{ code: 'EADDRINUSE', address: '/run/api.sock' }, /^\/run\/api\.sock is taken/],
    [{ code: 'EADDRNOTAVAIL', address: '10.0.0.1', port: 1 }, /^10\.0\.0\.1:1 is no address of this machine/],
    [{ code: 'EACCES', path: '/state' }, /^\/state may not be used by this user/],
    [{ code: 'ENOSPC' }, /^there is no space left on the disk of the state directory/],
    [{ code: 'EROFS', path: '/state' }, /^\/state is on a read-only disk/],
    [{ code: 'EEXIST', path: '/state' }, /^\/state is not a directory/],
    [{ code: 'EOTHER' }, /^as the system says it$/],
  ];
  for (const [fields, message] of cases) t.regex(startupMessage(systemError(fields)), message);
  t.is(startupMessage('text'), 'text');
});

test('--xds takes an IP address and a port', (t) => {
  t.deepEqual(parseListenAddress('127.0.0.1:15012'), { host: '127.0.0.1', port: 15012 });
  t.deepEqual(parseListenAddress('[::1]:0'), { host: '::1', port: 0 });
  for (const wrong of ['localhost:1', '127.0.0.1', '127.0.0.1:65536', ':0', '']) {
    t.throws(
      () => parseListenAddress(wrong),
      { instanceOf: OptionError, message: /must be an IP address and a port/ },
      wrong,
    );
  }
});
