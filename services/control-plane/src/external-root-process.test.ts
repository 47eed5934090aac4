import { generateKeyPairSync } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect } from 'node:tls';
import { create } from '@bufbuild/protobuf';
import { client, implement, serve } from '@weft/service-kit';
import { CatalogService, ProductSchema } from '@weft/test-contracts/bakery/catalog/v1/catalog';
import test, { type ExecutionContext } from 'ava';
import { signCertificate, toPem } from './identity/certificate.ts';
import { type AuthorityPem, newSerial, readAuthority } from './identity/root-authority.ts';
import { MeshProcess } from './mesh-process.fixture.ts';

const validity = { notBeforeMs: Date.now() - 60_000, notAfterMs: Date.now() + 3_600_000 };
const commonName = 'Somebody: root';
const rootKey = generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey;
const rootPem = toPem(
  signCertificate(
    { key: rootKey, serial: newSerial(), ...validity, commonName, isAuthority: true, pathLength: 1 },
    { commonName, key: rootKey },
  ),
);

/** An authority under the root that all clusters of somebody share. */
function issuing(name: string): AuthorityPem {
  const { privateKey: key } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const request = { key, serial: newSerial(), ...validity, commonName: name, isAuthority: true };
  const chain = toPem(signCertificate(request, { commonName, key: rootKey }));
  return { key: key.export({ type: 'pkcs8', format: 'pem' }).toString(), chain, roots: rootPem };
}

async function rootDirectory(t: ExecutionContext, { key, chain, roots }: AuthorityPem): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'weft-external-'));
  t.teardown(() => rm(directory, { recursive: true, force: true }));
  const files = { 'tls.key': key, 'tls.crt': chain, 'ca.crt': roots };
  for (const [name, text] of Object.entries(files)) await writeFile(join(directory, name), text);
  return directory;
}

/** Whether a listener takes a TLS client that shows a certificate of this authority, as orders of the trust domain. */
function admits(address: string, authority: AuthorityPem, trustDomain: string): Promise<boolean> {
  const { issuer } = readAuthority(authority, 'an authority for tests');
  const { privateKey: key } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const uris = [`spiffe://${trustDomain}/ns/bakery/sa/orders`];
  const cert = toPem(signCertificate({ key, serial: newSerial(), ...validity, uris }, issuer)) + authority.chain;
  const [host, port] = address.split(':');
  return new Promise((resolve) => {
    const socket = connect({
      host,
      port: Number(port),
      rejectUnauthorized: false,
      ALPNProtocols: ['h2'],
      cert,
      key: key.export({ type: 'pkcs8', format: 'pem' }).toString(),
    });
    // With TLS 1.3 a client hears of its refusal after its handshake: Envoy's first frame says that it was taken.
    socket.once('data', () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', () => resolve(false));
    socket.once('close', () => resolve(false));
    socket.write('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\u0004\0\0\0\0\0', 'latin1');
  });
}

test('with an authority from outside real Envoys trust it, and no other authority under the same root', async (t) => {
  const own = issuing('Somebody: cluster one');
  const trustDomain = 'one.example.com';
  const mesh = await MeshProcess.open(t, { trustDomain }, ['--root-dir', await rootDirectory(t, own)]);
  const [catalog, orders] = await Promise.all([mesh.addReplica('catalog'), mesh.addReplica('orders')]);
  const product = create(ProductSchema, { sku: 'WFT-0001', name: 'A thing', category: 'things', price: { units: 1n } });
  const server = await serve({
    listen: catalog.application,
    drainMs: 0,
    finishMs: 0,
    services: [
      implement(CatalogService, {
        getProduct: () => ({ product }),
        batchGetProducts: () => ({}),
        listProducts: () => ({}),
        searchProducts: () => ({}),
        importProducts: () => ({}),
      }),
    ],
  });
  t.teardown(() => server.close());
  await mesh.untilServing('catalog', 'orders');
  const products = client(CatalogService, { outbound: orders.outbound });
  t.is((await products.getProduct({ sku: 'WFT-0001' }, { deadlineMs: 5000 })).product?.name, 'A thing');
  t.true(await admits(catalog.inbound, own, trustDomain));
  t.false(await admits(catalog.inbound, issuing('Somebody: cluster two'), trustDomain));
});

test('a control plane with the default trust domain does not start on a root from outside', async (t) => {
  const directory = await rootDirectory(t, issuing('Somebody: cluster one'));
  const error = await t.throwsAsync(MeshProcess.open(t, {}, ['--root-dir', directory]));
  t.regex(error?.message ?? '', /ended with 1/);
});
