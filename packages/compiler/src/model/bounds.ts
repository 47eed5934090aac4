/** A range of numbers that a field of a policy may have, ends included. */
export interface Bound {
  readonly min: number;
  readonly max: number;
  /** Durations are milliseconds. Default: a bare number. */
  readonly unit?: 'ms';
  /** Only whole numbers. Default: false. */
  readonly whole?: true;
}

const uint32 = 0xffff_ffff;
const yearMs = 365 * 24 * 3_600_000;
const hourMs = 3_600_000;

const whole = (min: number, max: number): Bound => ({ min, max, whole: true });
const time = (min: number, max: number): Bound => ({ min, max, unit: 'ms' });
const percent: Bound = { min: 0, max: 100 };

/**
 * What Envoy can enforce of each field, whoever writes it: a contract, a MeshPolicy, a MeshOverride or a flag of `weft override`.
 * Nothing beyond a bound reaches the back end, so nothing fails to encode and no proxy refuses it.
 */
export const bounds = {
  deadline: time(1, yearMs),
  tryTimeout: time(1, yearMs),
  maxDuration: time(1, yearMs),
  idleTimeout: time(1, yearMs),
  /** 0: no retry. */
  maxRetries: whole(0, 10),
  baseBackoff: time(1, hourMs),
  maxBackoff: time(1, hourMs),
  hedgeAfter: time(1, yearMs),
  /** The first try is one of them, so a hedge has two at least. */
  hedgeTries: whole(2, 10),
  rateLimitRequests: whole(1, uint32),
  /** Envoy fills no bucket more often than every 50 ms. */
  rateLimitPeriod: time(50, 24 * hourMs),
  retryBudgetPercent: percent,
  retryBudgetConcurrent: whole(0, uint32),
  concurrentRequests: whole(1, uint32),
  objectivePercent: percent,
  objectiveWithin: time(1, yearMs),
  faultDelay: time(1, yearMs),
  certificateLifetime: time(1000, yearMs),
  /** Of a gateway: what Envoy counts in 32 bits, and holds in memory. */
  gatewayBytes: whole(1, 2 ** 30),
  gatewayHeaders: whole(1, 10_000),
  /** Envoy's codec takes at most 8 MiB, some of it beyond a gateway's own limit. */
  gatewayHeaderBytes: whole(1, 2 ** 20),
  /** Of a share of a rule's calls. */
  backendWeight: whole(0, 1_000_000),
  port: whole(1, 65_535),
  /** How long `weft override --for` may make an override hold. */
  overrideLasts: time(1000, yearMs),
} as const satisfies Record<string, Bound>;

/** How many entries a list of a policy may have, and how long its texts may be, in characters. */
export const lengths = {
  callers: 1000,
  rateLimits: 1000,
  faults: 20,
  methods: 2000,
  /** A logical service. */
  callerName: 253,
  /** "/package.Service/Method", or a path of a service without a contract. */
  path: 1024,
  /** What a route puts in place of a path, or of a part of it. */
  pathRewrite: 1024,
  /** A host name, as DNS has it. */
  hostname: 253,
  /** A template of google.api.http. */
  httpTemplate: 1024,
  /** Templates of one method, the primary one included. */
  httpBindings: 100,
  durationText: 64,
  /** Why an override was made. */
  reason: 2000,
  /** Who made it. */
  author: 253,
} as const;

/** Whether a value is within a bound. NaN never is. */
export function isWithin(value: number, { min, max, whole }: Bound): boolean {
  return value >= min && value <= max && (whole === undefined || Number.isInteger(value));
}

/** "a whole number from 2 to 10", "a duration from 1ms to 365d". */
export function boundWords({ min, max, unit, whole }: Bound): string {
  if (unit === 'ms') return `a duration from ${durationWords(min)} to ${durationWords(max)}`;
  return `${whole ? 'a whole number' : 'a number'} from ${min} to ${max}`;
}

const units = [
  ['d', 24 * hourMs],
  ['h', hourMs],
  ['s', 1000],
] as const;

function durationWords(ms: number): string {
  const [unit, unitMs] = units.find(([, each]) => ms % each === 0) ?? ['ms', 1];
  return `${ms / unitMs}${unit}`;
}
