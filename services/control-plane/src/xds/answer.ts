import { typeUrls } from '@weft/compiler/envoy/resource';
import { type Outstanding, type Refusal, type Watch, wholeTypes } from './watch.ts';

/** What a client said about one response. */
export type Answer =
  | { readonly kind: 'acked'; readonly response: Outstanding }
  | { readonly kind: 'refused'; readonly response: Outstanding; readonly refusal: Refusal };

/**
 * Takes an ACK or a NACK; `error` alone makes it a NACK. Undefined: the nonce is not outstanding, and nothing changes.
 *
 * What was refused is not sent again before it has new content, with one exception: an Envoy that refuses one of several
 * resources may have left the others unread, so each of those is sent once more in a response of its own. Not so when it says
 * which clusters or listeners it could not add ("Error adding/updating cluster(s) x: ..."): it has taken all the others.
 */
export function takeAnswer(
  watch: Watch,
  nonce: string,
  error: string | undefined,
  canSendAlone: boolean,
): Answer | undefined {
  const response = watch.takeOutstanding(nonce);
  if (response === undefined) return undefined;
  if (error === undefined) {
    if (watch.refused.size > 0) for (const { name } of response.resources) watch.refused.delete(name);
    if (watch.refused.size === 0) watch.ackedVersion = response.version;
    watch.clear();
    return { kind: 'acked', response };
  }
  const { typeUrl } = watch;
  const sent = response.resources.filter(({ name, version }) => watch.held.get(name)?.version === version);
  const named = wholeTypes.has(typeUrl) ? sent.filter(({ name }) => mentions(error, name)) : [];
  const tookTheOthers = named.length > 0 && error.includes('Error adding/updating');
  const suspects = tookTheOthers ? named : sent;
  for (const { name, version } of suspects) watch.refused.set(name, version);
  const message = typeUrl === typeUrls.secret ? withoutQuotes(error) : error;
  const refusal = { nonce, message, names: (named.length > 0 ? named : suspects).map(({ name }) => name) };
  watch.refusal = refusal;
  if (canSendAlone && !tookTheOthers && response.resources.length + response.removed.length > 1) {
    for (const { name } of suspects) {
      watch.due.add(name);
      watch.alone.add(name);
    }
  }
  return { kind: 'refused', response, refusal };
}

/** Whether Envoy's words name a resource: `x: why`, or `name: "x"` where it shows one that it cannot read. */
function mentions(message: string, name: string): boolean {
  if (message.includes(`"${name}"`)) return true;
  const beforeName = /[\s,]/;
  for (let at = message.indexOf(`${name}:`); at >= 0; at = message.indexOf(`${name}:`, at + 1)) {
    if (at === 0 || beforeName.test(message[at - 1] ?? '')) return true;
  }
  return false;
}

/** A message without what it quotes: Envoy shows a message that it cannot accept, and that of a secret has the key in it. */
function withoutQuotes(message: string): string {
  return message.replace(/"(?:[^"\\]|\\.)*"?/gs, '"..."');
}
