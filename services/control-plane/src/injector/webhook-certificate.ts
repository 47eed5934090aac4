import { createPrivateKey, generateKeyPairSync, X509Certificate } from 'node:crypto';
import { signCertificate, toPem } from '../identity/certificate.ts';
import { newSerial } from '../identity/root-authority.ts';

/** The authority that signs the webhook's certificates: the API server trusts it by the caBundle. PEM, to be kept in a Secret. */
export interface WebhookAuthority {
  readonly certificate: string;
  readonly key: string;
}

/** What a TLS server serves with. PEM. */
export interface ServerCertificate {
  readonly cert: string;
  readonly key: string;
  readonly notAfterMs: number;
}

/** Gives a certificate, and tells when there is another. */
export interface CertificateSource {
  current(): ServerCertificate;
  /** Calls back after each change. Returns what takes it back. */
  onChange(changed: () => void): () => void;
}

const commonName = 'Weft webhook authority';
const dayMs = 24 * 3_600_000;
const authorityLifetimeMs = 2 * 365 * dayMs;
const certificateLifetimeMs = 14 * dayMs;
/** How far back certificates begin, for API servers whose clocks are behind. */
const leewayMs = 60 * 60_000;

/** Makes an authority, good for two years. It has nothing to do with the mesh's root: the API server alone trusts it. */
export function createWebhookAuthority(nowMs: number = Date.now()): WebhookAuthority {
  const { privateKey: key } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const validity = { notBeforeMs: nowMs - leewayMs, notAfterMs: nowMs + authorityLifetimeMs };
  const der = signCertificate(
    { key, serial: newSerial(), ...validity, commonName, isAuthority: true },
    { commonName, key },
  );
  return { certificate: toPem(der), key: key.export({ type: 'pkcs8', format: 'pem' }).toString() };
}

/** Whether half of an authority's life is over, or it cannot be read: time for another, trusted beside it before it signs. */
export function isAuthorityDue(authority: WebhookAuthority, nowMs: number = Date.now()): boolean {
  try {
    const certificate = new X509Certificate(authority.certificate);
    if (!certificate.checkPrivateKey(createPrivateKey(authority.key))) return true;
    return nowMs >= certificate.validToDate.getTime() - authorityLifetimeMs / 2;
  } catch {
    return true;
  }
}

/** A fresh key and certificate for the webhook's Service, good for 14 days. */
export function issueWebhookCertificate(
  authority: WebhookAuthority,
  dnsNames: readonly string[],
  nowMs: number = Date.now(),
): ServerCertificate {
  const { privateKey: key } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const endMs = new X509Certificate(authority.certificate).validToDate.getTime();
  const notAfterMs = Math.min(nowMs + certificateLifetimeMs, endMs);
  const der = signCertificate(
    { key, serial: newSerial(), notBeforeMs: nowMs - leewayMs, notAfterMs, dnsNames },
    { commonName, key: createPrivateKey(authority.key) },
  );
  return { cert: toPem(der), key: key.export({ type: 'pkcs8', format: 'pem' }).toString(), notAfterMs };
}

/** The webhook's certificate, renewed at half of its life, and at once when the authority is replaced. */
export class WebhookCertificates implements CertificateSource {
  readonly #dnsNames: readonly string[];
  readonly #now: () => number;
  readonly #listeners = new Set<() => void>();
  #authority: WebhookAuthority;
  #current: ServerCertificate;
  #timer: NodeJS.Timeout | undefined;
  #closed = false;

  /** `dnsNames`: those by which the API server calls, as weft-webhook.weft-system.svc. `now`: default Date.now. */
  constructor(authority: WebhookAuthority, dnsNames: readonly string[], now: () => number = Date.now) {
    this.#authority = authority;
    this.#dnsNames = dnsNames;
    this.#now = now;
    this.#current = issueWebhookCertificate(authority, dnsNames, now());
    this.#schedule();
  }

  current(): ServerCertificate {
    return this.#current;
  }

  onChange(changed: () => void): () => void {
    this.#listeners.add(changed);
    return () => this.#listeners.delete(changed);
  }

  /** Signs with another authority from now on. The caBundle must name it already. */
  replaceAuthority(authority: WebhookAuthority): void {
    if (authority.certificate === this.#authority.certificate) return;
    this.#authority = authority;
    this.#renew();
  }

  /** Ends renewals. */
  close(): void {
    this.#closed = true;
    clearTimeout(this.#timer);
  }

  #renew(): void {
    this.#current = issueWebhookCertificate(this.#authority, this.#dnsNames, this.#now());
    this.#schedule();
    for (const changed of this.#listeners) changed();
  }

  #schedule(): void {
    clearTimeout(this.#timer);
    if (this.#closed) return;
    // Not more often than once a minute, should the authority itself be about to end.
    const waitMs = Math.max((this.#current.notAfterMs - this.#now()) / 2, 60_000);
    this.#timer = setTimeout(() => this.#renew(), Math.min(waitMs, 2 ** 31 - 1));
    this.#timer.unref();
  }
}
