import { randomBytes } from 'node:crypto';
import { hostname, userInfo } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Override } from '@weft/api/weft/api/v1/mesh';
import { OverrideState } from '@weft/api/weft/api/v1/mesh';
import { parseDuration } from '@weft/compiler/facts/duration';
import { bounds, boundWords, isWithin, lengths } from '@weft/compiler/model/bounds';
import { problemWords } from '@weft/compiler/model/problem';
import { type ResourceRef, sameRef, weftRef } from '@weft/compiler/model/resource-ref';
import { Command, InvalidArgumentError } from 'commander';
import { CommandError, noAnswer } from '../command-error.ts';
import { type OverrideManifest, overrideYaml } from '../mesh/override-file.ts';
import { flagProblems } from '../mesh/override-flags.ts';
import { type OverrideStore, overrideStore } from '../mesh/override-store.ts';
import { checkCallers, overrideTarget } from '../mesh/override-target.ts';
import type { MeshChoice } from '../mesh-choice.ts';
import { weftHere } from '../package-manager.ts';
import { paintFor } from '../terminal/style.ts';
import { type Mesh, withMesh } from '../with-mesh.ts';
import { clusterOption, jsonOption, namespaceOption, stateOption } from './options.ts';
import { overrideLines, withoutEnded } from './render-overrides.ts';

interface Options extends MeshChoice {
  readonly deny: readonly string[];
  readonly allow: readonly string[];
  /** commander sets it to false for --no-retry. */
  readonly retry: boolean;
  readonly deadline?: string;
  readonly limit: readonly Limit[];
  readonly for: string;
  readonly untilRemoved: boolean;
  readonly why?: string;
  readonly list: boolean;
  readonly all: boolean;
  readonly remove?: string;
  readonly print: boolean;
  /** Names that nobody in the mesh has are meant. */
  readonly force: boolean;
  readonly json: boolean;
}

interface Limit {
  readonly caller: string;
  readonly requests: number;
  readonly per: string;
}

/** How long the control plane may take to say what became of an override. */
const answerMs = 5_000;

/** `weft override`: what must be otherwise at once, and by itself be as it was. */
export function overrideCommand(): Command {
  return new Command('override')
    .description(
      'Lays something over a contract in an emergency: it holds within a second, closes no connection and ends by itself. What\n' +
        'loosens (--allow, a longer --deadline, a wider --limit) may last 24 h at most. Nothing makes a method retry that may not be\n' +
        'repeated. It is written as a MeshOverride into the mesh directory or the cluster, with who, why and until when.',
    )
    .argument('[service/method]', 'as bakery.payments.v1.PaymentService/Authorize; bakery.payments: all its methods')
    .option('--deny <caller>', 'who may no longer call, as bakery.orders or edge; repeatable', collect, [])
    .option('--allow <caller>', 'who may call although the contract does not say so; repeatable', collect, [])
    .option('--no-retry', 'try no failed call again that may have been delivered')
    .option('--deadline <duration>', 'the longest that a call may take, as 500ms')
    .option(
      '--limit <caller=requests/period>',
      'the most calls per replica, as bakery.orders=100/1s; * is everybody',
      limits,
      [],
    )
    .option('--for <duration>', 'how long it holds', '1h')
    .option('--until-removed', 'it does not end by itself; only for what loosens nothing', false)
    .option('--why <text>', 'the reason, for the log and for the status')
    .option('--list', 'show the overrides that hold, or were refused', false)
    .option('--all', 'with --list: also those that have ended and were not removed', false)
    .option('--remove <name>', 'end one now, as bakery/payments-1a2b3c')
    .option('--print', 'print the MeshOverride instead, for `kubectl apply`', false)
    .option('--force', 'write it although nobody in the mesh has a name that it gives', false)
    .addOption(jsonOption())
    .addOption(stateOption())
    .addOption(clusterOption())
    .addOption(namespaceOption())
    .action(async (target: string | undefined, options: Options) => {
      const store = overrideStore(options);
      if (options.remove !== undefined) return remove(store, options, options.remove);
      await withMesh(options, async (mesh) => {
        if (options.list) return list(mesh, options);
        const manifest = await manifestOf(mesh, target, options);
        if (options.print) {
          process.stdout.write(overrideYaml(manifest));
          return;
        }
        await write(store, mesh, manifest, options);
      });
    });
}

async function manifestOf(mesh: Mesh, target: string | undefined, options: Options): Promise<OverrideManifest> {
  if (target === undefined) {
    throw new CommandError('Name a service or method, as bakery.payments.v1.PaymentService/Authorize, or use --list.');
  }
  const says =
    options.deny.length + options.allow.length + options.limit.length > 0 || !options.retry || options.deadline;
  if (!says) throw new CommandError('Say what is to change: --deny, --allow, --no-retry, --deadline or --limit.');
  const forMs = parseDuration(options.for);
  if (!options.untilRemoved && (forMs === undefined || !isWithin(forMs, bounds.overrideLasts))) {
    throw new CommandError(`--for ${options.for} must be ${boundWords(bounds.overrideLasts)}, as 2h or 30m.`);
  }
  const known = await status(mesh);
  const { namespace, service, path } = overrideTarget(known, target);
  if (!options.force) {
    checkCallers(known, [...options.deny, ...options.allow, ...options.limit.map(({ caller }) => caller)]);
    if (path !== undefined) await checkMethod(mesh, `${namespace}/${service}`, path);
  }
  // A name that nobody has is worth more words than a reason that is missing.
  const reason = options.why?.trim() ?? '';
  if (reason === '') throw new CommandError('Say why, with --why "...": the log and the status show it.');
  const createdMs = Date.now();
  const manifest = {
    namespace,
    name: `${service}-${randomBytes(3).toString('hex')}`,
    createdMs,
    spec: {
      service,
      ...(path === undefined ? {} : { methods: [path] }),
      ...(options.deny.length > 0 ? { deny: options.deny } : {}),
      ...(options.allow.length > 0 ? { allow: options.allow } : {}),
      ...(options.retry ? {} : { noRetry: true }),
      ...(options.deadline === undefined ? {} : { deadline: options.deadline }),
      ...(options.limit.length > 0 ? { rateLimits: options.limit } : {}),
      reason,
      ...(options.untilRemoved || forMs === undefined ? {} : { expires: new Date(createdMs + forMs).toISOString() }),
      by: `${userInfo().username}@${hostname()}`.slice(0, lengths.author),
    },
  };
  const refusals = await flagProblems(manifest);
  if (refusals.length > 0) throw new CommandError(`${refusals.join('; ')}.`);
  return manifest;
}

/** Checks that the mesh has the method, which only the control plane knows. Throws a CommandError that says what may have been meant. */
async function checkMethod({ clients: [replica] }: Mesh, service: string, path: string): Promise<void> {
  // An explanation needs a caller, and the service itself is one that there is.
  const answer = await replica?.why({ caller: service, method: path.slice(1) }).catch((error: unknown) => {
    throw noAnswer(error);
  });
  if (answer?.unknown) throw new CommandError(`${sentence(answer.verdict)} Use --force if you mean it.`);
}

/** Writes it, waits for the control plane's word, and takes it back when that is a refusal. */
async function write(store: OverrideStore, mesh: Mesh, manifest: OverrideManifest, options: Options): Promise<void> {
  const { namespace, name } = manifest;
  await store.write(manifest);
  const found = await verdict(mesh, weftRef('MeshOverride', name, namespace));
  if (found === undefined) {
    throw new CommandError(
      `${namespace}/${name} is written, but the control plane has not taken it after ${answerMs / 1000} s; \`${weftHere()} status\` says more.`,
    );
  }
  if ('problem' in found || found.override.state === OverrideState.REFUSED) {
    const reasons = 'problem' in found ? [found.problem] : found.override.refusals;
    if (options.force && 'override' in found) {
      console.error(sentence(`${namespace}/${name} is written, and has no effect yet: ${reasons.join('; ')}`));
      return;
    }
    await store.remove(namespace, name);
    throw new CommandError(sentence(`Refused, and taken back: ${reasons.join('; ') || 'it would change nothing'}`));
  }
  if (options.json) {
    const { override } = found;
    const expires = manifest.spec.expires ?? null;
    console.log(
      JSON.stringify(
        { name: `${namespace}/${name}`, effects: override.effects, refusals: override.refusals, expires },
        undefined,
        2,
      ),
    );
    return;
  }
  const paint = paintFor(process.stdout);
  for (const line of overrideLines([found.override], Date.now(), paint)) console.log(line);
  const where =
    options.cluster === undefined ? '' : options.cluster === true ? ' --cluster' : ` --cluster ${options.cluster}`;
  console.log(`End it now with: ${weftHere()} override --remove ${namespace}/${name}${where}`);
}

async function verdict(
  mesh: Mesh,
  ref: ResourceRef,
): Promise<{ override: Override } | { problem: string } | undefined> {
  const giveUp = Date.now() + answerMs;
  while (Date.now() < giveUp) {
    const { overrides, problems } = await status(mesh);
    const override = overrides.find(({ namespace, name }) => namespace === ref.namespace && name === ref.name);
    if (override) return { override };
    const problem = problems.find(({ about }) => about.some((each) => sameRef(each, ref)));
    if (problem) return { problem: `${problem.field}: ${problemWords(problem)}` };
    await sleep(50);
  }
  return undefined;
}

async function list(mesh: Mesh, { all, json }: Options): Promise<void> {
  const { overrides: known } = await status(mesh);
  const overrides = all ? known : withoutEnded(known);
  if (json) {
    const { toJson } = await import('@bufbuild/protobuf');
    const { OverrideSchema } = await import('@weft/api/weft/api/v1/mesh');
    const rows = overrides.map((override) => toJson(OverrideSchema, override, { alwaysEmitImplicit: true }));
    console.log(JSON.stringify({ overrides: rows }, undefined, 2));
    return;
  }
  const lines = overrideLines(overrides, Date.now(), paintFor(process.stdout));
  const ended = known.length - overrides.length;
  const others =
    ended > 0 ? ` ${ended} ended; \`weft override --list --all\` shows ${ended === 1 ? 'it' : 'them'}.` : '';
  console.log(lines.length > 0 ? lines.join('\n') : `There is no override.${others}`);
}

/** Asks the control plane only about what it cannot find itself: it may be away. */
async function remove(store: OverrideStore, choice: MeshChoice, id: string): Promise<void> {
  const known = () =>
    withMesh(choice, status).then(
      ({ overrides }) => overrides,
      (): readonly Override[] => [],
    );
  const [first = '', second] = id.split('/');
  const name = second ?? first;
  const namespace =
    second === undefined
      ? ((await known()).find((override) => override.name === first)?.namespace ?? 'default')
      : first;
  if (!(await store.remove(namespace, name))) {
    const names = (await known()).map((override) => `${override.namespace}/${override.name}`).join(', ');
    throw new CommandError(`${store.place} ${id}; there are ${names || 'none'}.`);
  }
  console.log(`${namespace}/${name} is removed.`);
}

/** With its period, unless it ends with a question. */
function sentence(words: string): string {
  return /[.?]$/.test(words) ? words : `${words}.`;
}

async function status(mesh: Mesh) {
  try {
    return await mesh.status();
  } catch (error) {
    throw noAnswer(error);
  }
}

function collect(text: string, before: readonly string[]): readonly string[] {
  return [...before, ...text.split(',').filter((name) => name !== '')];
}

function limits(text: string, before: readonly Limit[]): readonly Limit[] {
  const match = /^([*]|[a-z][\w.]*)=(\d{1,20})(?:\/([\w.]+))?$/.exec(text);
  if (!match?.[1] || !match[2]) throw new InvalidArgumentError('It must be as bakery.orders=100/1s.');
  return [...before, { caller: match[1], requests: Number(match[2]), per: match[3] ?? '1s' }];
}
