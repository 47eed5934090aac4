import { X509Certificate } from 'node:crypto';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { type AddressInfo, connect as connectNet } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect, createServer } from 'node:tls';
import { controlPlaneName as serverName } from '@weft/compiler/pod/names';
import test from 'ava';
import { openRootAuthority } from './root-directory.ts';
import { serverCertificate } from './server-certificate.ts';

test('a client that trusts the root and expects the name connects', async (t) => {
  const path = await mkdtemp(join(tmpdir(), 'weft-server-certificate-'));
  const root = await openRootAuthority(path);
  const server = createServer(serverCertificate(root), (socket) => socket.end('hello'));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.teardown(async () => {
    server.close();
    await rm(path, { recursive: true });
  });
  const { port } = server.address() as AddressInfo;
  for (const servername of [serverName, 'localhost']) {
    const socket = connect({ socket: connectNet(port, '127.0.0.1'), ca: root.pem, servername });
    await once(socket, 'secureConnect');
    t.true(socket.authorized);
    t.true(new X509Certificate(socket.getPeerCertificate().raw).verify(new X509Certificate(root.pem).publicKey));
    socket.destroy();
  }
  const wrong = connect({ socket: connectNet(port, '127.0.0.1'), ca: root.pem, servername: 'other' });
  const [error] = await once(wrong, 'error');
  t.is(error.code, 'ERR_TLS_CERT_ALTNAME_INVALID');
});
