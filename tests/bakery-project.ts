import { mkdirSync, readdirSync } from 'node:fs';
import { mkdir, mkdtemp, rename, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';

const root = join(import.meta.dirname, '..');

/** A project of a team of its own, outside of this repository: two services without a database, one of which calls the other. */
export interface Bakery {
  readonly root: string;
  /** Saves a file as editors do: writes another one, and renames it over the first. */
  save(path: string, content: string): Promise<void>;
  /** Removes a file or folder. */
  drop(path: string): Promise<void>;
  remove(): Promise<void>;
}

/** Makes the project, with what npm would have installed in it. `contracts`: names of contracts, also of ones that come later. */
export async function makeBakery(contracts: readonly string[] = ['bread', 'cart']): Promise<Bakery> {
  const directory = await mkdtemp(join(tmpdir(), 'bakery-'));
  const save = async (path: string, content: string): Promise<void> => {
    const target = join(directory, path);
    await mkdir(dirname(target), { recursive: true });
    await writeFile(`${target}.tmp`, content);
    await rename(`${target}.tmp`, target);
  };
  await save('weft.project.yaml', 'name: bakery\n');
  await save('package.json', JSON.stringify({ name: 'bakery', private: true, type: 'module' }));
  await save('proto/bakery/bread/v1/bread.proto', breadProto());
  await save('services/bread/package.json', servicePackage('bread', ['bread']));
  await save('services/bread/weft.yaml', 'name: bread\n');
  await save('services/bread/src/main.ts', breadMain);
  await save('services/bread/src/baker.ts', baker('first'));
  await save('proto/bakery/cart/v1/cart.proto', callerProto('cart', 'Cart'));
  await save('services/cart/package.json', servicePackage('cart', ['bread', 'cart']));
  await save('services/cart/weft.yaml', 'name: cart\n');
  await save('services/cart/src/main.ts', callerMain('cart', 'Cart'));
  await save('services/cart/src/baker.ts', baker('first'));
  await install(directory, contracts);
  return {
    root: directory,
    save,
    drop: (path) => rm(join(directory, path), { recursive: true }),
    remove: () => rm(directory, { recursive: true, force: true }),
  };
}

/** node_modules as npm lays it out: this repository's packages, and a link to each contract of the project. */
async function install(directory: string, contracts: readonly string[]): Promise<void> {
  const from = join(root, 'node_modules');
  const to = join(directory, 'node_modules');
  mkdirSync(join(to, '@bakery'), { recursive: true });
  for (const entry of ['.bin', '@bufbuild', '@connectrpc', '@weft']) await symlink(join(from, entry), join(to, entry));
  for (const name of contracts) {
    await symlink(join(directory, 'contracts', name), join(to, `@bakery/${name}-contract`));
  }
  // Fails early where this repository itself is not installed.
  readdirSync(join(to, '@weft'));
}

/** The contract of bread: served at the edge, and to `callers`; with `rest`, under a REST path, too. */
export function breadProto({ callers = ['bakery.cart'], rest = '' } = {}): string {
  const option = rest ? `\n    option (google.api.http) = {get: "${rest}"};` : '';
  return `syntax = "proto3";

package bakery.bread.v1;

import "google/api/annotations.proto";
import "weft/policy/v1/policy.proto";

service BreadService {
  option (weft.policy.v1.service) = {
    callers: ${JSON.stringify(callers)}
    exposure: EXPOSURE_EDGE
    defaults: {deadline: {seconds: 10}}
  };

  rpc GetBread(GetBreadRequest) returns (GetBreadResponse) {
    option idempotency_level = NO_SIDE_EFFECTS;${option}
  }

  // May not be repeated, so no proxy hides a call that fails.
  rpc BakeBread(BakeBreadRequest) returns (BakeBreadResponse);
}

message GetBreadRequest {
  string name = 1;
}

message GetBreadResponse {
  string text = 1;
}

message BakeBreadRequest {
  string name = 1;
}

message BakeBreadResponse {
  string text = 1;
}
`;
}

/** The contract of a service that gets its bread from another one: "cart" has bakery.cart.v1.CartService/FillCart. */
export function callerProto(name: string, type: string): string {
  return `syntax = "proto3";

package bakery.${name}.v1;

import "weft/policy/v1/policy.proto";

service ${type}Service {
  option (weft.policy.v1.service) = {
    exposure: EXPOSURE_EDGE
    defaults: {deadline: {seconds: 10}}
  };

  rpc Fill${type}(Fill${type}Request) returns (Fill${type}Response);
}

message Fill${type}Request {
  string name = 1;
}

message Fill${type}Response {
  string text = 1;
  string bread = 2;
}
`;
}

/** The package.json of a service that uses these contracts. */
export function servicePackage(name: string, contracts: readonly string[]): string {
  const dependencies = Object.fromEntries(contracts.map((contract) => [`@bakery/${contract}-contract`, '0.1.0']));
  return JSON.stringify({ name: `@bakery/${name}`, version: '0.1.0', type: 'module', dependencies });
}

/** A module that changes when `mark` does. */
export function baker(mark: string): string {
  return `export const mark: string = ${JSON.stringify(mark)};\n`;
}

const breadMain = `import { BreadService } from '@bakery/bread-contract/v1';
import { implement, serve } from '@weft/service-kit';
import { mark } from './baker.ts';

const bake = ({ name }: { name: string }) => ({ text: \`\${name} by \${mark}\` });

await serve({ services: [implement(BreadService, { getBread: bake, bakeBread: bake })] });
`;

/** A service that answers with its own mark and with what bread said. */
export function callerMain(name: string, type: string): string {
  return `import { BreadService } from '@bakery/bread-contract/v1';
import { ${type}Service } from '@bakery/${name}-contract/v1';
import { client, implement, serve } from '@weft/service-kit';
import { mark } from './baker.ts';

const bread = client(BreadService);

await serve({
  services: [
    implement(${type}Service, {
      async fill${type}(request) {
        const { text } = await bread.bakeBread({ name: request.name });
        return { text: \`${name} by \${mark}\`, bread: text };
      },
    }),
  ],
});
`;
}
