import { execFileSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import {
  createFileRegistry,
  type DescMessage,
  type DescMethod,
  type DescService,
  type FileRegistry,
  fromBinary,
} from '@bufbuild/protobuf';
import { FileDescriptorSetSchema } from '@bufbuild/protobuf/wkt';

const root = join(import.meta.dirname, '../../..');

/** Contracts that a test writes down, with what every contract may import. */
export class Contract {
  readonly files: FileRegistry;

  /** `files`: by path. */
  constructor(files: Readonly<Record<string, string>>) {
    const directory = mkdtempSync(join(tmpdir(), 'contract-'));
    try {
      for (const [path, text] of Object.entries(files)) {
        mkdirSync(dirname(join(directory, 'own', path)), { recursive: true });
        writeFileSync(join(directory, 'own', path), text);
      }
      cpSync(join(root, 'packages/policy/proto'), join(directory, 'policy'), { recursive: true });
      const modules = ['own', 'policy'].map((path) => ({ path }));
      writeFileSync(join(directory, 'buf.yaml'), JSON.stringify({ version: 'v2', modules }));
      const image = execFileSync('buf', ['build', directory, '--as-file-descriptor-set', '-o', '-'], {
        maxBuffer: 1 << 26,
      });
      this.files = createFileRegistry(fromBinary(FileDescriptorSetSchema, image));
    } finally {
      rmSync(directory, { recursive: true });
    }
  }

  message(name: string): DescMessage {
    const found = this.files.getMessage(name);
    if (!found) throw new Error(`the contract has no message ${name}`);
    return found;
  }

  service(name: string): DescService {
    const found = this.files.getService(name);
    if (!found) throw new Error(`the contract has no service ${name}`);
    return found;
  }

  method(service: string, name: string): DescMethod {
    const found = this.service(service).methods.find((method) => method.name === name);
    if (!found) throw new Error(`the contract has no method ${service}/${name}`);
    return found;
  }
}
