/** No Envoy can be had; the message says what to do about it. */
export class EnvoyNotFoundError extends Error {
  override readonly name = 'EnvoyNotFoundError';
}
