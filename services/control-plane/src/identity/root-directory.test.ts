import { X509Certificate } from 'node:crypto';
import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { parse } from 'yaml';
import { openRootAuthority } from './root-directory.ts';

async function directory(t: ExecutionContext): Promise<string> {
  const path = await mkdtemp(join(tmpdir(), 'weft-root-'));
  t.teardown(() => rm(path, { recursive: true }));
  return join(path, 'root');
}

test('a root is made once, signs itself and keeps its key from others', async (t) => {
  const path = await directory(t);
  const root = await openRootAuthority(path);
  const certificate = new X509Certificate(root.pem);
  t.true(certificate.ca);
  t.true(certificate.verify(certificate.publicKey));
  t.true(certificate.checkIssued(certificate));
  t.is(certificate.subject, 'CN=Weft mesh root');
  const years = (certificate.validToDate.getTime() - Date.now()) / (365.25 * 24 * 3_600_000);
  t.true(years > 9.99 && years <= 10);
  t.is((await stat(join(path, 'root.key'))).mode & 0o777, 0o600);
  const again = await openRootAuthority(path);
  t.is(again.pem, root.pem);
  t.deepEqual(again.secret, root.secret);
});

test('file SDS holds the root certificate', async (t) => {
  const path = await directory(t);
  await openRootAuthority(path);
  const sds = parse(await readFile(join(path, 'ca-sds.yaml'), 'utf8'));
  t.is(sds.resources[0].name, 'root');
  t.is(sds.resources[0].validation_context.trusted_ca.inline_string, await readFile(join(path, 'root.pem'), 'utf8'));
});

test('a root that cannot be used is an error, never replaced', async (t) => {
  const path = await directory(t);
  const other = await directory(t);
  const { pem } = await openRootAuthority(path);
  await openRootAuthority(other);
  const tooLate = Date.now() + 11 * 366 * 24 * 3_600_000;
  await t.throwsAsync(openRootAuthority(path, tooLate), { message: /root ended at 20/ });
  await writeFile(join(path, 'root.key'), await readFile(join(other, 'root.key')));
  await t.throwsAsync(openRootAuthority(path), { message: /the key of .* does not belong to its certificate/ });
  await writeFile(join(path, 'root.key'), 'x');
  await t.throwsAsync(openRootAuthority(path), { message: /holds no private key/ });
  await rm(join(path, 'root.key'));
  await t.throwsAsync(openRootAuthority(path), { message: /root\.key is missing beside root\.pem/ });
  t.is(await readFile(join(path, 'root.pem'), 'utf8'), pem);
});
