import { parseArgs } from 'node:util';

/** What a fake is made from. Paths are absolute. */
export interface FakeOptions {
  /** The root of the project that uses the fake. */
  readonly project: string;
  /** Directories to search for the service kit after the root. */
  readonly kitFrom: readonly string[];
  /** The logical name of its contract: "bank.payments". */
  readonly contract: string;
  /** The FileDescriptorSet of its contract. */
  readonly descriptorFile: string;
  /** A file of examples. */
  readonly answers?: string | undefined;
  /** A module with handlers. */
  readonly handlers?: string | undefined;
}

/** The arguments of the fake program. */
export function fakeArguments(options: FakeOptions): string[] {
  const { project, kitFrom, contract, descriptorFile, answers, handlers } = options;
  return [
    ...['--project', project, '--contract', contract, '--descriptor', descriptorFile],
    ...kitFrom.flatMap((directory) => ['--kit-from', directory]),
    ...(answers === undefined ? [] : ['--answers', answers]),
    ...(handlers === undefined ? [] : ['--handlers', handlers]),
  ];
}

/** Parses the result of fakeArguments(). */
export function parseFakeArguments(args: readonly string[]): FakeOptions {
  const { values } = parseArgs({
    args: [...args],
    options: {
      project: { type: 'string', default: '.' },
      'kit-from': { type: 'string', multiple: true, default: [] },
      contract: { type: 'string', default: '' },
      descriptor: { type: 'string', default: '' },
      answers: { type: 'string' },
      handlers: { type: 'string' },
    },
  });
  const { project, 'kit-from': kitFrom, contract, descriptor, answers, handlers } = values;
  return { project, kitFrom, contract, descriptorFile: descriptor, answers, handlers };
}
