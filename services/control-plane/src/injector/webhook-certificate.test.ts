import { X509Certificate } from 'node:crypto';
import test from 'ava';
import {
  createWebhookAuthority,
  isAuthorityDue,
  issueWebhookCertificate,
  WebhookCertificates,
} from './webhook-certificate.ts';

const name = 'weft-webhook.weft-system.svc';
const dayMs = 24 * 3_600_000;

test('a certificate names the Service, is signed by the authority and ends', (t) => {
  const nowMs = Date.now();
  const authority = createWebhookAuthority(nowMs);
  const issued = issueWebhookCertificate(authority, [name], nowMs);
  const certificate = new X509Certificate(issued.cert);
  t.is(certificate.checkHost(name), name);
  t.true(certificate.verify(new X509Certificate(authority.certificate).publicKey));
  t.false(certificate.ca);
  t.is(issued.notAfterMs, nowMs + 14 * dayMs);
});

test('an authority is due at half of its life, or when it cannot be used', (t) => {
  const nowMs = Date.now();
  const authority = createWebhookAuthority(nowMs);
  t.false(isAuthorityDue(authority, nowMs + 364 * dayMs));
  t.true(isAuthorityDue(authority, nowMs + 366 * dayMs));
  t.true(isAuthorityDue({ ...authority, key: createWebhookAuthority().key }, nowMs));
  t.true(isAuthorityDue({ certificate: '', key: '' }, nowMs));
});

test('no certificate outlives its authority', (t) => {
  const nowMs = Date.now();
  const authority = createWebhookAuthority(nowMs);
  const endMs = new X509Certificate(authority.certificate).validToDate.getTime();
  t.is(issueWebhookCertificate(authority, [name], endMs - dayMs).notAfterMs, endMs);
});

test('another authority means another certificate at once; the same one does not', (t) => {
  const first = createWebhookAuthority();
  const certificates = new WebhookCertificates(first, [name]);
  t.teardown(() => certificates.close());
  let changes = 0;
  certificates.onChange(() => {
    changes += 1;
  });
  const before = certificates.current();
  certificates.replaceAuthority(first);
  t.is(certificates.current(), before);
  const second = createWebhookAuthority();
  certificates.replaceAuthority(second);
  t.is(changes, 1);
  t.true(new X509Certificate(certificates.current().cert).verify(new X509Certificate(second.certificate).publicKey));
});
