/**
 * Lays out the third-party .proto files that buf needs beside ours, out of installed npm packages: the Buf Schema Registry is
 * not needed, and nothing of them is kept in this repository.
 *
 *   packages/policy/proto/   weft.policy.v1 and what contracts import beside it (google/api, google/rpc, buf/validate)
 *   packages/api/proto/      weft.api.v1 and the standard gRPC services
 *   third_party/envoy/       the part of Envoy's API that the control plane speaks, with all that it imports
 */
import { copyFileSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { file_buf_validate_validate } from '@bufbuild/protovalidate/gen/buf/validate/validate_pb.js';
import { envoyRoots } from './envoy-roots.ts';
import { printProto } from './print-proto.ts';

const root = join(import.meta.dirname, '..');
const require = createRequire(import.meta.url);
const packageDir = (name: string) => dirname(require.resolve(`${name}/package.json`));
const xdsDeps = join(packageDir('@grpc/grpc-js-xds'), 'deps');

function write(target: string, text: string): void {
  mkdirSync(dirname(target), { recursive: true });
  writeFileSync(target, text);
}

function copy(source: string, target: string): void {
  mkdirSync(dirname(target), { recursive: true });
  copyFileSync(source, target);
}

function policyProtos(): void {
  const out = join(root, 'packages/policy/proto');
  rmSync(out, { recursive: true, force: true });
  copy(join(root, 'proto/weft/policy/v1/policy.proto'), join(out, 'weft/policy/v1/policy.proto'));
  for (const name of ['api/annotations', 'api/http', 'rpc/status', 'rpc/code', 'rpc/error_details']) {
    copy(join(xdsDeps, `googleapis/google/${name}.proto`), join(out, `google/${name}.proto`));
  }
  write(join(out, 'buf/validate/validate.proto'), printProto(file_buf_validate_validate.proto));
}

function apiProtos(): void {
  const out = join(root, 'packages/api/proto');
  rmSync(out, { recursive: true, force: true });
  copy(join(root, 'proto/weft/api/v1/mesh.proto'), join(out, 'weft/api/v1/mesh.proto'));
  copy(join(packageDir('grpc-health-check'), 'proto/health/v1/health.proto'), join(out, 'grpc/health/v1/health.proto'));
  for (const version of ['v1', 'v1alpha']) {
    const path = `grpc/reflection/${version}/reflection.proto`;
    copy(join(packageDir('@grpc/reflection'), 'build/proto', path), join(out, path));
  }
}

function envoyApi(): number {
  const out = join(root, 'third_party/envoy');
  rmSync(out, { recursive: true, force: true });
  const roots = ['envoy-api', 'googleapis', 'xds', 'protoc-gen-validate'].map((dir) => join(xdsDeps, dir));
  const pending = [...envoyRoots];
  const seen = new Set<string>();
  for (let name = pending.pop(); name; name = pending.pop()) {
    if (seen.has(name) || name.startsWith('google/protobuf/')) continue;
    seen.add(name);
    const source = roots.map((dir) => join(dir, name)).find(existsSync);
    if (!source) throw new Error(`third-party protos: ${name} is in none of the installed packages`);
    const text = mend(name, readFileSync(source, 'utf8'));
    write(join(out, name), text);
    for (const match of text.matchAll(/^import (?:public )?"(.+)";/gm)) pending.push(match[1] as string);
  }
  write(join(out, 'buf.yaml'), 'version: v2\n');
  return seen.size;
}

/**
 * The packaged files lag behind Envoy 1.40 and behind each other: protoc-gen-validate does not know `ignore_empty` on strings,
 * which Envoy's files set, header mutations lack the removal by pattern, which the edge needs for whole families of headers, and
 * the bound on stalled answers, the way past the overload manager and the bound on resets are missing.
 */
function mend(name: string, text: string): string {
  if (name === 'validate/validate.proto' && !/message StringRules \{[^}]*ignore_empty/.test(text)) {
    return text.replace(/(message StringRules \{)/, '$1\n  optional bool ignore_empty = 26;');
  }
  if (name === 'envoy/config/common/mutation_rules/v3/mutation_rules.proto' && !text.includes('remove_on_match')) {
    return text
      .replace(/^import "envoy\/type\/matcher\/v3\/regex.proto";/m, '$&\nimport "envoy/type/matcher/v3/string.proto";')
      .replace(
        /message HeaderMutation \{\s*oneof action \{/,
        `message HeaderMutation {
  message RemoveOnMatch {
    type.matcher.v3.StringMatcher key_matcher = 1;
  }

  oneof action {
    // Removes the headers whose names match.
    RemoveOnMatch remove_on_match = 3;
`,
      );
  }
  if (name.endsWith('/http_connection_manager.proto') && !text.includes('stream_flush_timeout')) {
    return text.replace(
      /^ {2}google\.protobuf\.Duration request_timeout = 28/m,
      `  // How long an answer that has ended may wait for its reader.
  google.protobuf.Duration stream_flush_timeout = 59;

$&`,
    );
  }
  if (name === 'envoy/config/listener/v3/listener.proto' && !text.includes('bypass_overload_manager')) {
    return text.replace(
      /^ {2}bool ignore_global_conn_limit = 31;/m,
      `$&

  // The overload manager's actions do not concern this listener.
  bool bypass_overload_manager = 35;`,
    );
  }
  if (name === 'envoy/config/core/v3/protocol.proto' && !text.includes('stream_reset_burst')) {
    return text.replace(
      /^ {2}google\.protobuf\.BoolValue use_oghttp2_codec = 16/m,
      `  // How many streams a peer may reset at once, and again each second, before its connection is closed.
  google.protobuf.UInt64Value stream_reset_burst = 21;
  google.protobuf.UInt64Value stream_reset_rate = 22;

$&`,
    );
  }
  return text;
}

policyProtos();
apiProtos();
console.log(`third_party: ${envoyApi()} Envoy files and the contracts' imports`);
