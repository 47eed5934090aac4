import { createHash, createHmac, type KeyObject } from 'node:crypto';
import { create, toBinary } from '@bufbuild/protobuf';
import { type Resource, typeUrls } from '@weft/compiler/envoy/resource';
import type { SpiffeId, WorkloadId } from '@weft/compiler/model/mesh';
import { SecretSchema } from '@weft/envoy-api/envoy/extensions/transport_sockets/tls/v3/secret';
import { signCertificate, toPem } from './certificate.ts';
import { Deadlines } from './deadlines.ts';
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
  /** Default: Date.now. */
  readonly now?: () => number;
}

/** How far back certificates begin, for proxies whose clocks are behind. */
const leewayMs = 60_000;
const maxTimerMs = 2 ** 31 - 1;

/** What became of a workload. Absent: it was not there, or is not there any more. */
export interface IdentityChange {
  readonly id: WorkloadId;
  readonly before?: Identified;
  readonly after?: Identified;
}

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
 * the control plane agrees with the first. A certificate is made when a stream first sends it, not before: workloads whose proxies are
 * connected elsewhere, or not at all, cost nothing.
 *
 * Each is renewed at half of its life. The first that a workload gets may have up to half of its life behind it.
 */
export class WorkloadIdentities {
  #rootSecret: Resource;
  #roots: Roots;
  readonly #now: () => number;
  readonly #issued = new Map<WorkloadId, Issued>();
  /**
   * When workloads that were given secrets are to be told of the next ones. Whoever asks first may ask before the timer fires, and then
   * the others still hold what ends.
   */
  readonly #renewals = new Deadlines<WorkloadId>();
  #onRenewal: ((workloads: readonly WorkloadId[]) => void) | undefined;
  #lifetimeMs = 24 * 3_600_000;
  #timer: NodeJS.Timeout | undefined;
  #timerMs = Number.POSITIVE_INFINITY;
  #closed = false;

  constructor(options: IdentityOptions) {
    this.#now = options.now ?? Date.now;
    this.#roots = steadyRoots(options.root);
    this.#rootSecret = rootSecret(this.#roots.bundle);
  }

  /** Says who is told of workloads whose certificates have reached half of their life: `secrets` gives the next ones. */
  onRenewal(listener: (workloads: readonly WorkloadId[]) => void): void {
    this.#onRenewal = listener;
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
   * Takes what became of workloads. Those that are gone are forgotten. Returns those that have other certificates now, of those that
   * have any. Costs what changed.
   */
  changed(workloads: Iterable<IdentityChange>): ReadonlySet<WorkloadId> {
    const changed = new Set<WorkloadId>();
    for (const { id, after } of workloads) {
      const issued = this.#issued.get(id);
      if (issued === undefined) continue;
      if (after === undefined) this.#forget(id);
      else if (after.spiffeId !== issued.spiffeId) changed.add(id);
    }
    return changed;
  }

  /** Says how long certificates live. Returns those that have other certificates now, of those that have any. */
  setLifetime(lifetimeMs: number): ReadonlySet<WorkloadId> {
    if (lifetimeMs === this.#lifetimeMs) return new Set();
    this.#lifetimeMs = lifetimeMs;
    const issued = [...this.#issued].filter(([, { lifetimeMs: before }]) => before !== lifetimeMs);
    return new Set(issued.map(([id]) => id));
  }

  /** How many workloads have been given secrets. */
  get size(): number {
    return this.#issued.size;
  }

  /** The secrets of a workload now, by name; the same objects until the certificate is renewed. */
  secrets(workload: Identified): ReadonlyMap<string, Resource> {
    return this.#current(workload).secrets;
  }

  /** The last moment of a workload's present certificate. Asking for it makes none. */
  notAfterMs({ id }: Identified): number {
    return this.#epochOf(id, this.#now()).startMs + this.#lifetimeMs;
  }

  /** Ends renewals. */
  close(): void {
    this.#closed = true;
    clearTimeout(this.#timer);
  }

  #current({ id, spiffeId }: Identified): Issued {
    const known = this.#issued.get(id);
    const lifetimeMs = this.#lifetimeMs;
    const epoch = this.#epochOf(id, this.#now());
    const signer = this.#roots.signerAt(epoch.startMs);
    const isSame =
      known?.epoch === epoch && known.spiffeId === spiffeId && known.signer.fingerprint === signer.fingerprint;
    if (isSame && known.root === this.#rootSecret) return known;
    const kept = isSame ? known.secrets.get(secretNames.identity) : undefined;
    const secrets = new Map<string, Resource>([
      [secretNames.identity, kept ?? new IdentitySecret(signer, { id, spiffeId }, epoch, lifetimeMs)],
      [secretNames.root, this.#rootSecret],
    ]);
    const issued = { spiffeId, lifetimeMs, epoch, signer, root: this.#rootSecret, secrets };
    this.#issued.set(id, issued);
    // One that is due already stays so: it is to be told, though somebody has asked before.
    if (epoch.endMs < (this.#renewals.get(id) ?? Number.POSITIVE_INFINITY)) this.#renewals.set(id, epoch.endMs);
    this.#schedule();
    return issued;
  }

  /** The epoch of now; the same object while it lasts, of a workload that was given secrets. */
  #epochOf(id: WorkloadId, nowMs: number): Epoch {
    const known = this.#issued.get(id);
    const isNow = known?.lifetimeMs === this.#lifetimeMs && nowMs >= known.epoch.startMs && nowMs < known.epoch.endMs;
    return isNow ? known.epoch : epochAt(nowMs, this.#lifetimeMs, id);
  }

  #schedule(): void {
    const nextMs = this.#renewals.nextMs ?? Number.POSITIVE_INFINITY;
    const waitMs = Math.min(Math.max(nextMs - this.#now(), 0), maxTimerMs);
    // A machine that slept has timers that are late: what is due does not wait for them.
    if (this.#closed || (nextMs === this.#timerMs && waitMs > 0)) return;
    clearTimeout(this.#timer);
    this.#timerMs = nextMs;
    if (nextMs === Number.POSITIVE_INFINITY) return;
    this.#timer = setTimeout(() => this.#renew(), waitMs);
    this.#timer.unref();
  }

  #renew(): void {
    this.#timerMs = Number.POSITIVE_INFINITY;
    const nowMs = this.#now();
    const due = this.#renewals.takeDue(nowMs);
    for (const id of due) {
      const issued = this.#issued.get(id);
      // The next certificate of one that nobody asks for any more would be made for nothing.
      if (issued === undefined || issued.epoch.endMs <= nowMs) this.#issued.delete(id);
      else this.#renewals.set(id, issued.epoch.endMs);
    }
    this.#schedule();
    if (due.length > 0) this.#onRenewal?.(due);
  }

  #forget(id: WorkloadId): void {
    this.#issued.delete(id);
    this.#renewals.delete(id);
    this.#schedule();
  }
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
