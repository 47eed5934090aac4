/** Something outside the mesh that the workloads of a namespace call, by their own word. */
export interface ExternalService {
  readonly id: `${string}/${string}`;
  readonly namespace: string;
  /** "api.example.com", or "*.example.com" for all below. */
  readonly host: string;
  readonly port: number;
  /** The application speaks TLS to it, and names the host in its first message. */
  readonly tls: boolean;
  /** It speaks first, so that nothing of its clients can be waited for. */
  readonly serverFirst: boolean;
  /** Where it is. Empty: whatever its clients find, told by the host that they name in TLS, or else by the port alone. */
  readonly addresses: readonly AddressBlock[];
  /** Where it was read. */
  readonly origin: string;
}

/** A block of IP addresses, as CIDR writes it. */
export interface AddressBlock {
  readonly address: string;
  readonly prefixLength: number;
}
