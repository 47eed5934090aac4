/** A duration in a readable unit: "850 ms", "4 s", "12 min", "3 h", "2 d". */
export function formatDuration(ms: number): string {
  const value = Math.max(0, ms);
  if (value < 1_000) return `${Math.round(value)} ms`;
  if (value < 10_000) return `${(value / 1_000).toFixed(1)} s`;
  if (value < 120_000) return `${Math.round(value / 1_000)} s`;
  if (value < 120 * 60_000) return `${Math.round(value / 60_000)} min`;
  if (value < 48 * 3_600_000) return `${Math.round(value / 3_600_000)} h`;
  return `${Math.round(value / 86_400_000)} d`;
}
