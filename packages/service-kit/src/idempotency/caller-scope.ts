import { createHash } from 'node:crypto';
import { isIPv6 } from 'node:net';
import type { Call } from '../current-call.ts';

/** Set by the gateway that a call came through, over whatever its client sent under that name. */
const clientAddressHeader = 'x-weft-client-address';

/**
 * Whose idempotency keys a call uses: no two scopes share a key. A service of the mesh has its own scope, by its SPIFFE id. All clients
 * outside come as the gateway, so there the scope is also `subject`, the end user as the application has authenticated them, or else the
 * client's address as the gateway saw it: an IPv4 address, or an IPv6 prefix of 64 bits, within which a host changes its address.
 */
export function callerScope({ caller: { id }, requestHeader }: Call, subject?: string): string {
  // A digest: a subject may be an e-mail address, and of any length.
  if (subject) return `${id} subject ${createHash('sha256').update(subject).digest('base64url')}`;
  const address = requestHeader.get(clientAddressHeader);
  return address ? `${id} address ${networkOf(address)}` : id;
}

/** An address as sent by Envoy, which is canonical, reduced to what stays the same for one client. */
function networkOf(address: string): string {
  if (!isIPv6(address)) return address;
  // The URL standard's serializer: the longest run of zeros is "::", and no zone or embedded IPv4 address is left.
  const groups = new URL(`http://[${address.replace(/%.*$/, '')}]/`).hostname.slice(1, -1).split(':');
  const gap = groups.indexOf('');
  const zeros = Array.from({ length: 9 - groups.filter((group) => group !== '').length - 1 }, () => '0');
  const full = gap < 0 ? groups : [...groups.slice(0, gap), ...zeros, ...groups.slice(gap)].filter((g) => g !== '');
  const mapped = full.slice(0, 5).every((group) => group === '0') && full[5] === 'ffff';
  return mapped ? full.slice(6).join(':') : `${full.slice(0, 4).join(':')}::/64`;
}
