import type { TypeUrl } from './resource.ts';
import { cleared, type Outstanding, type Refusal, type Watch, wholeTypes } from './watch.ts';

/** What a client said about one response. */
export type Answer =
  | { readonly kind: 'stale' }
  | { readonly kind: 'acked'; readonly response: Outstanding }
  | { readonly kind: 'refused'; readonly response: Outstanding; readonly refusal: Refusal };

/**
 * Takes an ACK or a NACK; `error` alone makes it a NACK. A nonce that is not outstanding changes nothing.
 *
 * What was refused is not sent again before it has new content, with one exception: an Envoy that refuses one of several routes,
 * endpoints or secrets may have left the others unread, so each of those is sent once more in a response of its own. Of clusters
 * and listeners it takes the good ones and names the bad.
 */
export function takeAnswer(
  watch: Watch,
  typeUrl: TypeUrl,
  nonce: string,
  error: string | undefined,
  { canSendAlone }: { canSendAlone: boolean },
): { watch: Watch; answer: Answer } {
  const response = watch.outstanding.find((candidate) => candidate.nonce === nonce);
  if (response === undefined) return { watch, answer: { kind: 'stale' } };
  const outstanding = watch.outstanding.filter((candidate) => candidate !== response);
  const refused = new Map(watch.refused);
  if (error === undefined) {
    for (const { name } of response.resources) refused.delete(name);
    const taken = cleared({ ...watch, outstanding, refused });
    return {
      watch: refused.size === 0 ? { ...taken, ackedVersion: response.version } : taken,
      answer: { kind: 'acked', response },
    };
  }
  const sent = response.resources.filter(({ name, version }) => watch.held.get(name)?.version === version);
  const named = wholeTypes.has(typeUrl) ? sent.filter(({ name }) => mentions(error, name)) : [];
  const suspects = named.length > 0 ? named : sent;
  for (const { name, version } of suspects) refused.set(name, version);
  const names = suspects.map(({ name }) => name);
  const refusal = { nonce, message: error, names };
  const again = canSendAlone && named.length === 0 && response.resources.length + response.removed.length > 1;
  return {
    watch: {
      ...watch,
      outstanding,
      refused,
      refusal,
      due: again ? new Set([...watch.due, ...names]) : watch.due,
      alone: again ? new Set([...watch.alone, ...names]) : watch.alone,
    },
    answer: { kind: 'refused', response, refusal },
  };
}

/** Whether a message names a resource, not only another whose name contains it. */
function mentions(message: string, name: string): boolean {
  const partOfName = /[\w|/-]/;
  for (let at = message.indexOf(name); at >= 0; at = message.indexOf(name, at + 1)) {
    const before = message[at - 1] ?? ' ';
    const after = message[at + name.length] ?? ' ';
    if (!partOfName.test(before) && !partOfName.test(after)) return true;
  }
  return false;
}
