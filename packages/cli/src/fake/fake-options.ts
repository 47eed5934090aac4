import { parseArgs } from 'node:util';

/** What a fake is made from. Paths are absolute. */
export interface FakeOptions {
  /** The root of the project for which it answers. */
  readonly project: string;
  /** Directories from which the service kit is looked for, after the root. */
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

/** The arguments with which the program of a fake is started. */
export function fakeArguments(options: FakeOptions): string[] {
  const { project, kitFrom, contract, descriptorFile, answers, handlers } = options;
  return [
    ...['--project', project, '--contract', contract, '--descriptor', descriptorFile],
    ...kitFrom.flatMap((directory) => ['--kit-from', directory]),
    ...(answers === undefined ? [] : ['--answers', answers]),
    ...(handlers === undefined ? [] : ['--handlers', handlers]),
  ];
}

/** Reads what fakeArguments() has made. */
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
