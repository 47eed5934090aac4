import type { Mesh } from '@weft/compiler/model/mesh';
import { type Override, refusalWords } from '@weft/compiler/model/override';
import { effectWords } from '@weft/compiler/model/override-effect';

/** A line of the audit log: who said what, why and until when, and what became of it. */
export interface AuditLine {
  readonly message: string;
  readonly fields: Readonly<Record<string, unknown>>;
}

/** What there is to tell when the mesh `before` becomes `next`: overrides that take effect, change, are refused, end or are removed. */
export function auditOverrides(
  before: Pick<Mesh, 'overrides'> | undefined,
  next: Pick<Mesh, 'overrides'>,
): AuditLine[] {
  const lines: AuditLine[] = [];
  const known = new Map(before?.overrides.map((override) => [override.id, override]));
  for (const override of next.overrides) {
    const earlier = known.get(override.id);
    known.delete(override.id);
    // Parts that did not change are the same object.
    if (earlier === override) continue;
    if (override.state === 'ended') {
      if (earlier?.state !== 'ended') lines.push(line('an override has ended by itself', override));
      continue;
    }
    if (override.state === 'active') lines.push(line('an override holds', override));
    if (override.refusals.length > 0) lines.push(line('an override was refused', override));
  }
  for (const gone of known.values()) {
    if (gone.state === 'active') lines.push(line('an override was removed', gone));
  }
  return lines;
}

function line(
  message: string,
  { id, service, methods, effects, refusals, reason, by, expiresMs, origin }: Override,
): AuditLine {
  return {
    message,
    fields: {
      audit: 'override',
      override: id,
      target: service,
      methods: methods.length === 0 ? 'all' : methods,
      effects: effects.map(effectWords),
      ...(refusals.length === 0 ? {} : { refusals: refusals.map(refusalWords) }),
      who: by === '' ? 'nobody says' : by,
      why: reason === '' ? 'nobody says' : reason,
      until: expiresMs === undefined ? 'it is removed' : new Date(expiresMs).toISOString(),
      origin,
    },
  };
}
