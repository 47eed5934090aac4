import type { FileDescriptorProto } from '@bufbuild/protobuf/wkt';
import type { ContractPackage } from './contract-package.ts';
import { versionsOf } from './contract-package.ts';

/** The README of a published contract: its services, and how to import it. */
export function contractReadme(contract: ContractPackage): string {
  const versions = [...versionsOf(contract)].map(([version, files]) => versionText(contract, version, files));
  return `# ${contract.packageName}

The contract ${contract.logicalName}, as a package: its .proto files, JavaScript with TypeScript declarations, and its descriptor set.

    npm install ${contract.packageName}

${versions.join('\n')}`;
}

function versionText({ packageName }: ContractPackage, version: string, files: readonly FileDescriptorProto[]): string {
  const from = version === 'index' ? packageName : `${packageName}/${version}`;
  const services = files.flatMap(({ service }) => service);
  const types = services.map(({ name }) => name ?? '');
  const messages = files.flatMap(({ messageType }) => messageType.map(({ name }) => `${name}Schema`));
  const names = (types.length > 0 ? types : messages.slice(0, 3)).join(', ');
  const [file] = files;
  const lines = [
    `In TypeScript: \`import { ${names} } from '${from}';\``,
    '',
    `In a .proto file of a Weft project that depends on the package: \`import "${file?.name}";\``,
    '',
  ];
  const methods = services.flatMap(({ name, method }) => [
    `| ${name} | |`,
    '|---|---|',
    ...method.map(({ name: rpc, inputType, outputType, clientStreaming, serverStreaming }) => {
      const answer = `${serverStreaming ? 'stream of ' : ''}${short(outputType)}`;
      return `| ${rpc} | ${clientStreaming ? 'stream of ' : ''}${short(inputType)} -> ${answer} |`;
    }),
    '',
  ]);
  return [...lines, ...methods].join('\n');
}

/** A message without its package. */
function short(type: string): string {
  return type.slice(type.lastIndexOf('.') + 1);
}
