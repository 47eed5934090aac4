import type { Change } from '@weft/collections';
import { type Override, refusalWords } from '@weft/compiler/model/override';
import { effectWords } from '@weft/compiler/model/override-effect';

/** A line of the audit log: who said what, why and until when, and what became of it. */
export interface AuditLine {
  readonly message: string;
  readonly fields: Readonly<Record<string, unknown>>;
}

/** What there is to tell of a turn's changes: overrides that take effect, change, are refused, end or are removed. */
export function auditOverrides(changes: ReadonlyMap<string, Change<Override>>): AuditLine[] {
  return [...changes.values()].flatMap(({ before, after }) => {
    if (after === undefined) return before?.state === 'active' ? line('an override was removed', before) : [];
    if (after.state === 'ended') {
      return before?.state === 'ended' ? [] : line('an override has ended by itself', after);
    }
    return [
      ...(after.state === 'active' ? [line('an override holds', after)] : []),
      ...(after.refusals.length > 0 ? [line('an override was refused', after)] : []),
    ];
  });
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
