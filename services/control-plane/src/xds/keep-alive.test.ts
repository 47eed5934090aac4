import { once } from 'node:events';
import { connect as connectHttp2, createServer, type ServerHttp2Session } from 'node:http2';
import { connect } from 'node:net';
import test from 'ava';
import { keepAlive } from './keep-alive.ts';

async function serve(onSession: (session: ServerHttp2Session) => void) {
  const server = createServer();
  server.on('session', onSession);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  return { server, port: typeof address === 'object' && address ? address.port : 0 };
}

test('a connection that does not answer is closed', async (t) => {
  const { server, port } = await serve((session) => keepAlive(session, 20));
  const silent = connect(port, '127.0.0.1');
  // The preface and an empty SETTINGS frame, then nothing more: not even an answer to a PING.
  silent.write('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0', 'latin1');
  silent.resume();
  await once(silent, 'close');
  server.close();
  t.pass();
});

test('a connection that answers stays', async (t) => {
  let pings = 0;
  const { server, port } = await serve((session) => keepAlive(session, 250));
  const client = connectHttp2(`http://127.0.0.1:${port}`);
  await new Promise<void>((resolve) => {
    client.on('ping', () => {
      pings++;
      if (pings === 3) resolve();
    });
  });
  t.false(client.destroyed);
  client.close();
  server.close();
});
