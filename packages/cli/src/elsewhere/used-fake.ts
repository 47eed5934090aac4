import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { fakeArguments } from '../fake/fake-options.ts';
import { projectFileName } from '../project-file.ts';
import type { ServiceManifest } from '../service-manifest.ts';
import { contractOfPackage, installedPackage, isPackageName } from './installed-package.ts';
import type { UsingProject } from './used-service.ts';

/** A fake, as declared in the project file. */
export interface FakeUse {
  readonly fake: string;
  readonly answers?: string | undefined;
  readonly handlers?: string | undefined;
}

/**
 * The service that answers in place of the one whose contract is installed. Its name comes from the contract: bank.payments becomes
 * payments in the namespace bank. A string says what is wrong.
 */
export function usedFake(use: FakeUse, project: UsingProject): ServiceManifest | string {
  const { fake, answers, handlers } = use;
  if (answers !== undefined && handlers !== undefined)
    return 'a fake has either answers or handlers; remove one of them';
  if (!isPackageName(fake))
    return `"${fake}" is not the name of an npm package; expected a name such as "@bank/payments-contract"`;
  const installed = installedPackage(fake, project);
  if (!installed) return `${fake} is not installed; run \`npm install ${fake}\``;
  const contract = contractOfPackage(installed);
  if (!contract) {
    return `${fake} is not a contract package: its package.json has no weft.contract, or descriptor.binpb is missing; \`weft contract pack\` makes one`;
  }
  const file = answers ?? handlers;
  if (file !== undefined && !existsSync(join(project.root, file))) {
    return `${file} does not exist; create it, or leave it out to answer with examples made from the contract`;
  }
  const { logicalName, descriptorFile } = contract;
  const absolute = (path: string | undefined) => (path === undefined ? undefined : join(project.root, path));
  const [root = project.root, ...kitFrom] = project.directories;
  const [first = '', ...rest] = logicalName.replaceAll('_', '-').split('.');
  return {
    name: rest.join('-') || first,
    namespace: rest.length > 0 ? first : project.namespace,
    contract: logicalName,
    replicas: 1,
    main: undefined,
    command: [
      process.execPath,
      fileURLToPath(new URL('../../bin/weft-fake.js', import.meta.url)),
      ...fakeArguments({
        project: root,
        kitFrom,
        contract: logicalName,
        descriptorFile,
        answers: absolute(answers),
        handlers: absolute(handlers),
      }),
    ],
    env: {},
    cwd: project.root,
    listen: 'unix',
    health: { protocol: 'grpc' },
    watch: file === undefined ? [projectFileName] : [file],
    try: [],
    directory: project.root,
    file: projectFileName,
    elsewhere: { what: `a fake of ${fake}`, descriptorFile },
  };
}
