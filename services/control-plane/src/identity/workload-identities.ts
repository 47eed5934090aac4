import { createHash, createHmac, type KeyObject } from 'node:crypto';
import { create, toBinary } from '@bufbuild/protobuf';
import { type Resource, typeUrls } from '@weft/compiler/envoy/resource';
import type { SpiffeId, WorkloadId } from '@weft/compiler/model/mesh';
import { SecretSchema } from '@weft/envoy-api/envoy/extensions/transport_sockets/tls/v3/secret';
import { signCertificate, toPem } from './certificate.ts';
import { derivePrivateKey } from './derived-key.ts';
import { type Epoch, epochAt } from './epoch.ts';
import { positive, type RootAuthority } from './root-authority.ts';
import { type Roots, steadyRoots } from './root-state.ts';

/** Names of the secrets that every proxy may ask for. */
export const secretNames = { identity: 'identity', root: 'root' } as const;

/** A workload, as far as its certificate needs it. */
export interface Identified {
  readonly id: WorkloadId;
  readonly spiffeId: SpiffeId;
}

export interface IdentityOptions {
  /** Signs everything, until `setRoots` says otherwise. */
  readonly root: RootAuthority;
  /** Called with the workloads whose certificates were renewed, some time after `track`. */
  readonly onRenewal?: (workloads: readonly WorkloadId[]) => void;
  /** Default: Date.now. */
  readonly now?: () => number;
}

/** How far back certificates begin, for proxies whose clocks are behind. */
const leewayMs = 60_000;
const maxTimerMs = 2 ** 31 - 1;

interface Issued {
  readonly spiffeId: SpiffeId;
  readonly lifetimeMs: number;
  readonly epoch: Epoch;
  readonly signer: RootAuthority;
  /** In `secrets`. */
  readonly root: Resource;
  readonly secrets: ReadonlyMap<string, Resource>;
}

/**
 * The certificates of workloads, as secrets for their proxies: "identity" (key and certificate) and "root" (whom to trust).
 *
 * Which certificate a workload has follows from its root's secret, the workload and the clock, its key included. So nothing is
 * stored, a control plane that restarts gives the same version as before and sends nothing again, and a second replica of
 * the control plane agrees with the first. A certificate is made when a stream first sends it, not before.
 *
 * Each is renewed at half of its life. The first that a workload gets may have up to half of its life behind it.
 */
export class WorkloadIdentities {
  #rootSecret: Resource;
  #roots: Roots;
  readonly #options: IdentityOptions;
  readonly #now: () => number;
  readonly #issued = new Map<WorkloadId, Issued>();
  /** Those with another certificate than before, of which nobody has been told: whoever asks first may ask before the timer fires. */
  readonly #untold = new Set<WorkloadId>();
  #tracked: ReadonlyMap<WorkloadId, Identified> = new Map();
  #lifetimeMs = 24 * 3_600_000;
  #timer: NodeJS.Timeout | undefined;
  #closed = false;

  constructor(options: IdentityOptions) {
    this.#options = options;
    this.#now = options.now ?? Date.now;
    this.#roots = steadyRoots(options.root);
    this.#rootSecret = rootSecret(this.#roots.bundle);
  }

  /** The secret "root", the same for all. */
  get rootSecret(): Resource {
    return this.#rootSecret;
  }

  /**
   * Says whom to trust and who signs from now on. A certificate that still lives keeps its signer when `roots` say so for its
   * beginning. Returns those whose secrets are others now.
   */
  setRoots(roots: Roots): ReadonlySet<WorkloadId> {
    this.#roots = roots;
    const secret = rootSecret(roots.bundle);
    if (secret.version !== this.#rootSecret.version) this.#rootSecret = secret;
    const changed = new Set<WorkloadId>();
    for (const [id, issued] of this.#issued) {
      const keeps = roots.signerAt(issued.epoch.startMs).fingerprint === issued.signer.fingerprint;
      if (issued.root !== this.#rootSecret || !keeps) changed.add(id);
    }
    return changed;
  }

  /**
   * Says which workloads there are and how long their certificates live. Those that are gone are forgotten. Returns those that
   * have other certificates now, because their identity or the lifetime changed.
   */
  track(workloads: ReadonlyMap<WorkloadId, Identified>, lifetimeMs: number): ReadonlySet<WorkloadId> {
    const before = this.#tracked;
    this.#tracked = workloads;
    if (this.#lifetimeMs === lifetimeMs && sameIdentities(before, workloads)) return new Set();
    this.#lifetimeMs = lifetimeMs;
    const changed = new Set<WorkloadId>();
    for (const [id, { spiffeId, lifetimeMs: before }] of this.#issued) {
      const workload = workloads.get(id);
      if (workload === undefined) this.#forget(id);
      else if (workload.spiffeId !== spiffeId || before !== lifetimeMs) changed.add(id);
    }
    this.#schedule();
    return changed;
  }

  /** The secrets of a workload now, by name; the same objects until the certificate is renewed. */
  secrets(workload: Identified): ReadonlyMap<string, Resource> {
    return this.#current(workload).secrets;
  }

  /** The last moment of a workload's present certificate. */
  notAfterMs(workload: Identified): number {
    const { epoch, lifetimeMs } = this.#current(workload);
    return epoch.startMs + lifetimeMs;
  }

  /** Ends renewals. */
  close(): void {
    this.#closed = true;
    clearTimeout(this.#timer);
  }

  #current({ id, spiffeId }: Identified): Issued {
    const nowMs = this.#now();
    const known = this.#issued.get(id);
    const lifetimeMs = this.#lifetimeMs;
    const fits = known !== undefined && known.spiffeId === spiffeId && known.lifetimeMs === lifetimeMs;
    const now = fits && nowMs >= known.epoch.startMs && nowMs < known.epoch.endMs;
    const epoch = now ? known.epoch : epochAt(nowMs, lifetimeMs, id);
    const signer = this.#roots.signerAt(epoch.startMs);
    const sameSigner = now && known.signer.fingerprint === signer.fingerprint;
    if (sameSigner && known.root === this.#rootSecret) return known;
    const kept = sameSigner ? known.secrets.get(secretNames.identity) : undefined;
    const secrets = new Map<string, Resource>([
      [secretNames.identity, kept ?? new IdentitySecret(signer, { id, spiffeId }, epoch, lifetimeMs)],
      [secretNames.root, this.#rootSecret],
    ]);
    const issued = { spiffeId, lifetimeMs, epoch, signer, root: this.#rootSecret, secrets };
    if (fits && !now) this.#untold.add(id);
    this.#issued.set(id, issued);
    return issued;
  }

  #schedule(): void {
    clearTimeout(this.#timer);
    if (this.#closed || this.#tracked.size === 0) return;
    let nextMs = Number.POSITIVE_INFINITY;
    for (const workload of this.#tracked.values()) nextMs = Math.min(nextMs, this.#current(workload).epoch.endMs);
    const waitMs = this.#untold.size > 0 ? 0 : Math.min(Math.max(nextMs - this.#now(), 0), maxTimerMs);
    this.#timer = setTimeout(() => this.#renew(), waitMs);
    this.#timer.unref();
  }

  #renew(): void {
    for (const workload of this.#tracked.values()) this.#current(workload);
    const renewed = [...this.#untold];
    this.#untold.clear();
    this.#schedule();
    if (renewed.length > 0) this.#options.onRenewal?.(renewed);
  }

  #forget(id: WorkloadId): void {
    this.#issued.delete(id);
    this.#untold.delete(id);
  }
}

function sameIdentities(a: ReadonlyMap<WorkloadId, Identified>, b: ReadonlyMap<WorkloadId, Identified>): boolean {
  if (a.size !== b.size) return false;
  for (const [id, { spiffeId }] of b) if (a.get(id)?.spiffeId !== spiffeId) return false;
  return true;
}

/** The secret "identity" of one workload in one epoch. Its key and certificate are made when `body` is first read. */
class IdentitySecret implements Resource {
  readonly typeUrl = typeUrls.secret;
  readonly name = secretNames.identity;
  readonly version: string;
  readonly #make: () => Uint8Array;
  #body: Uint8Array | undefined;

  constructor(root: RootAuthority, { id, spiffeId }: Identified, epoch: Epoch, lifetimeMs: number) {
    const what = JSON.stringify([id, spiffeId, epoch.number, lifetimeMs, root.fingerprint]);
    const mark = createHmac('sha256', root.secret).update(`certificate ${what}`).digest();
    this.version = mark.toString('hex', 0, 16);
    this.#make = () => {
      const key = derivePrivateKey(root.secret, `workload ${what}`);
      const notAfterMs = Math.min(epoch.startMs + lifetimeMs, root.notAfterMs);
      const request = { key, serial: positive(mark.subarray(16)), notBeforeMs: epoch.startMs - leewayMs, notAfterMs };
      const certificate = toPem(signCertificate({ ...request, uris: [spiffeId] }, root.issuer));
      return identitySecret(certificate + root.intermediates, key);
    };
  }

  get body(): Uint8Array {
    this.#body ??= this.#make();
    return this.#body;
  }
}

function identitySecret(chain: string, key: KeyObject): Uint8Array {
  const secret = create(SecretSchema, {
    name: secretNames.identity,
    type: {
      case: 'tlsCertificate',
      value: {
        certificateChain: { specifier: { case: 'inlineBytes', value: Buffer.from(chain) } },
        privateKey: {
          specifier: { case: 'inlineBytes', value: Buffer.from(key.export({ type: 'pkcs8', format: 'pem' })) },
        },
      },
    },
  });
  return toBinary(SecretSchema, secret);
}

function rootSecret(pem: string): Resource {
  const secret = create(SecretSchema, {
    name: secretNames.root,
    type: {
      case: 'validationContext',
      value: { trustedCa: { specifier: { case: 'inlineBytes', value: Buffer.from(pem) } } },
    },
  });
  const body = toBinary(SecretSchema, secret);
  const version = createHash('sha256').update(body).digest('hex').slice(0, 16);
  return { typeUrl: typeUrls.secret, name: secretNames.root, version, body };
}
