import { randomBytes } from 'node:crypto';
import { hostname, userInfo } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import type { GetStatusResponse, Override } from '@weft/api/weft/api/v1/mesh';
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
import { callerNamed, checkCallers, namesService, overrideTarget } from '../mesh/override-target.ts';
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
  /** Accept names that do not exist in the mesh. */
  readonly force: boolean;
  readonly json: boolean;
}

interface Limit {
  readonly caller: string;
  readonly requests: number;
  readonly per: string;
}

/** How long the control plane may take to accept or reject an override. */
const answerMs = 5_000;

/** `weft override`: changes a contract's effect at once, for a limited time. */
export function overrideCommand(): Command {
  return new Command('override')
    .description(
      'Overrides a contract in an emergency. An override takes effect within a second, closes no connection and expires by itself.\n' +
        'An override that loosens a contract (--allow, a longer --deadline, a wider --limit) lasts 24 h at most. No override makes\n' +
        'Weft retry a method that must not be repeated. It is written to the mesh directory or the cluster as a MeshOverride that\n' +
        'records who, why and until when.',
    )
    .argument(
      '[service/method]',
      'for example bakery.payments.v1.PaymentService/Authorize or payments/Authorize, or payments for all its methods',
    )
    .option('--deny <caller>', 'deny this caller, for example bakery.orders or edge; repeatable', collect, [])
    .option('--allow <caller>', 'allow this caller although the contract does not name it; repeatable', collect, [])
    .option('--no-retry', 'do not retry a failed call that may have reached the service')
    .option('--deadline <duration>', 'the longest that a call may take, for example 500ms')
    .option(
      '--limit <caller=requests/period>',
      'the maximum calls per replica, for example bakery.orders=100/1s; * means every caller',
      limits,
      [],
    )
    .option('--for <duration>', 'how long it lasts', '1h')
    .option('--until-removed', 'do not let it expire; only for an override that loosens nothing', false)
    .option('--why <text>', 'the reason, for the log and the status')
    .option('--list', 'show the overrides that are active or were rejected', false)
    .option('--all', 'with --list: also those that have expired but were not removed', false)
    .option('--remove <name>', 'end one now, for example bakery/payments-1a2b3c')
    .option('--print', 'print the MeshOverride instead, for `kubectl apply`', false)
    .option('--force', 'write it even if one of its names does not exist in the mesh', false)
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
    throw new CommandError(
      'Name a service or method, for example bakery.payments.v1.PaymentService/Authorize, or use --list.',
    );
  }
  const says =
    options.deny.length + options.allow.length + options.limit.length > 0 || !options.retry || options.deadline;
  if (!says) throw new CommandError('Say what to change: --deny, --allow, --no-retry, --deadline or --limit.');
  const forMs = parseDuration(options.for);
  if (!options.untilRemoved && (forMs === undefined || !isWithin(forMs, bounds.overrideLasts))) {
    throw new CommandError(`--for ${options.for} must be ${boundWords(bounds.overrideLasts)}, for example 2h or 30m.`);
  }
  const known = await status(mesh);
  const { namespace, service, path } = overrideTarget(known, await methodPath(mesh, known, target));
  const deny = options.deny.map((caller) => callerNamed(known, caller));
  const allow = options.allow.map((caller) => callerNamed(known, caller));
  const limit = options.limit.map((each) => ({ ...each, caller: callerNamed(known, each.caller) }));
  if (!options.force) {
    checkCallers(known, [...deny, ...allow, ...limit.map(({ caller }) => caller)]);
    if (path !== undefined) await checkMethod(mesh, `${namespace}/${service}`, path);
  }
  // Report an unknown name before a missing reason: it is the more useful message.
  const reason = options.why?.trim() ?? '';
  if (reason === '') throw new CommandError('Give the reason with --why "..."; the log and the status show it.');
  const createdMs = Date.now();
  const manifest = {
    namespace,
    name: `${service}-${randomBytes(3).toString('hex')}`,
    createdMs,
    spec: {
      service,
      ...(path === undefined ? {} : { methods: [path] }),
      ...(deny.length > 0 ? { deny } : {}),
      ...(allow.length > 0 ? { allow } : {}),
      ...(options.retry ? {} : { noRetry: true }),
      ...(options.deadline === undefined ? {} : { deadline: options.deadline }),
      ...(limit.length > 0 ? { rateLimits: limit } : {}),
      reason,
      ...(options.untilRemoved || forMs === undefined ? {} : { expires: new Date(createdMs + forMs).toISOString() }),
      by: `${userInfo().username}@${hostname()}`.slice(0, lengths.author),
    },
  };
  const refusals = await flagProblems(manifest);
  if (refusals.length > 0) throw new CommandError(`${refusals.join('; ')}.`);
  return manifest;
}

/**
 * The full name of a target that is a method's name alone ("Authorize"), which only the control plane knows; any other target as it
 * is. Throws a CommandError that lists the full names when several methods have this name.
 */
async function methodPath({ clients: [replica] }: Mesh, known: GetStatusResponse, target: string): Promise<string> {
  const [service] = known.services;
  if (!/^[A-Z]\w*$/.test(target) || service === undefined || namesService(known, target)) return target;
  const caller = `${service.namespace}/${service.name}`;
  const answer = await replica?.why({ caller, method: target }).catch((error: unknown) => {
    throw noAnswer(error);
  });
  if (answer?.unknown && answer.advice.startsWith('name one of ')) {
    throw new CommandError(`${answer.verdict}; ${answer.advice}.`);
  }
  const values = answer?.steps.flatMap((step) => (step.name === 'policy' ? step.values : []));
  const element = values?.find(({ name }) => name === 'contract')?.element;
  return element === undefined ? target : `${element.service}/${element.method}`;
}

/** Checks that the mesh has the method, which only the control plane knows. Throws a CommandError that suggests a name. */
async function checkMethod({ clients: [replica] }: Mesh, service: string, path: string): Promise<void> {
  // An explanation needs a caller, and the service itself certainly exists.
  const answer = await replica?.why({ caller: service, method: path.slice(1) }).catch((error: unknown) => {
    throw noAnswer(error);
  });
  if (answer?.unknown) throw new CommandError(`${sentence(answer.verdict)} Use --force to write it anyway.`);
}

/** Writes it, waits for the control plane to accept it, and removes it if it is rejected. */
async function write(store: OverrideStore, mesh: Mesh, manifest: OverrideManifest, options: Options): Promise<void> {
  const { namespace, name } = manifest;
  await store.write(manifest);
  const found = await verdict(mesh, weftRef('MeshOverride', name, namespace));
  if (found === undefined) {
    throw new CommandError(
      `${namespace}/${name} is written, but the control plane has not accepted it after ${answerMs / 1000} s; see \`${weftHere()} status\`.`,
    );
  }
  if ('problem' in found || found.override.state === OverrideState.REFUSED) {
    const reasons = 'problem' in found ? [found.problem] : found.override.refusals;
    if (options.force && 'override' in found) {
      console.error(sentence(`${namespace}/${name} is written but has no effect yet: ${reasons.join('; ')}`));
      return;
    }
    await store.remove(namespace, name);
    throw new CommandError(
      sentence(
        `The control plane rejected the override, so it was removed: ${reasons.join('; ') || 'it would change nothing'}`,
      ),
    );
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
    ended > 0 ? ` ${ended} expired; \`weft override --list --all\` shows ${ended === 1 ? 'it' : 'them'}.` : '';
  console.log(lines.length > 0 ? lines.join('\n') : `There are no overrides.${others}`);
}

/** Asks the control plane only if the name is not already complete, because the control plane may be down. */
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

/** Adds the period, unless the text ends with a question. */
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
  if (!match?.[1] || !match[2]) throw new InvalidArgumentError('It must look like bakery.orders=100/1s.');
  return [...before, { caller: match[1], requests: Number(match[2]), per: match[3] ?? '1s' }];
}
