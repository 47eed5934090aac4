/** Where an application listens: a unix socket, or a port of an IPv4 address. */
export type ListenAddress = { readonly path: string } | { readonly host: string; readonly port: number };

/** The address in the form of WEFT_LISTEN and the mesh's configuration: "unix:/path" or "127.0.0.1:3000". */
export function listenText(address: ListenAddress): string {
  return 'path' in address ? `unix:${address.path}` : `${address.host}:${address.port}`;
}
