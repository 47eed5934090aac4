const units: Readonly<Record<string, number>> = {
  '': 1,
  m: 1e-3,
  k: 1e3,
  M: 1e6,
  G: 1e9,
  T: 1e12,
  Ki: 2 ** 10,
  Mi: 2 ** 20,
  Gi: 2 ** 30,
  Ti: 2 ** 40,
};

/**
 * The bytes of a Kubernetes quantity: "256Mi", "0.5Gi", "300M", "1e9". At least 1. Throws a RangeError for what is none.
 *
 * See https://kubernetes.io/docs/reference/kubernetes-api/common-definitions/quantity/.
 */
export function bytesOf(quantity: string): number {
  const [, number, unit] = /^([0-9.]+(?:[eE][+-]?[0-9]+)?)([A-Za-z]*)$/.exec(quantity) ?? [];
  const bytes = Number(number) * (units[unit ?? ''] ?? Number.NaN);
  if (!Number.isFinite(bytes)) throw new RangeError(`memory limit ${quantity} must be a quantity, as 256Mi`);
  return Math.max(1, Math.floor(bytes));
}
