import { fromJson } from '@bufbuild/protobuf';
import { createValidator } from '@bufbuild/protovalidate';
import { openDescriptorSet } from '@weft/compiler/contracts/descriptor-set';
import { protoContract } from '@weft/compiler/testing/proto-contract';
import test from 'ava';
import { exampleRequest } from './example-request.ts';
import { suggestedCalls } from './suggested-calls.ts';

const descriptorSet = protoContract({
  'bakery/bread/v1/bread.proto': `
    syntax = "proto3";
    package bakery.bread.v1;
    import "buf/validate/validate.proto";
    import "google/api/annotations.proto";
    import "google/protobuf/timestamp.proto";
    import "weft/policy/v1/policy.proto";
    service Bread {
      option (weft.policy.v1.service) = {exposure: EXPOSURE_EDGE};
      rpc Bake(BakeRequest) returns (Loaf) {
        option (weft.policy.v1.method) = {idempotency_key: "key"};
        option (google.api.http) = {post: "/v1/{oven=ovens/*}/loaves" body: "*"};
      }
      rpc Get(GetRequest) returns (Loaf) {
        option idempotency_level = NO_SIDE_EFFECTS;
        option (google.api.http) = {get: "/v1/loaves/{loaf_id}"};
      }
      rpc Watch(GetRequest) returns (stream Loaf);
      rpc Internal(GetRequest) returns (Loaf) { option (weft.policy.v1.method) = {exposure: EXPOSURE_NONE}; }
    }
    message GetRequest {
      string loaf_id = 1 [(buf.validate.field).string.pattern = "^L-[0-9]{4}$"];
      bool crust = 2;
      string page_token = 3;
      optional string note = 4;
    }
    message Loaf { string loaf_id = 1; }
    message BakeRequest {
      string key = 1;
      string oven = 2;
      string email = 3 [(buf.validate.field).string.email = true];
      int32 grams = 4 [(buf.validate.field).int32 = {gte: 500, lt: 2000}];
      int64 slices = 5 [(buf.validate.field).int64.lte = 0];
      Kind kind = 6 [(buf.validate.field).enum = {defined_only: true, not_in: [0]}];
      repeated Seed seeds = 7 [(buf.validate.field).repeated.min_items = 2];
      google.protobuf.Timestamp due = 8 [(buf.validate.field).required = true];
      bytes stamp = 9 [(buf.validate.field).bytes.len = 3];
      oneof to { option (buf.validate.oneof).required = true; string branch = 10; string person = 11; }
      string short = 12 [(buf.validate.field).string = {min_len: 2, max_len: 5}];
      map<string, string> labels = 13;
      int32 page_size = 14 [(buf.validate.field).int32 = {gte: 1, lte: 100}];
      string country = 15 [(buf.validate.field).string = {in: ["DE", "US"]}];
      double share = 16 [(buf.validate.field).double = {gt: 0.5, lte: 3}];
      BakeRequest again = 17;
    }
    enum Kind { KIND_UNSPECIFIED = 0; KIND_RYE = 1; }
    message Seed { string name = 1 [(buf.validate.field).string.min_len = 1]; }
  `,
});

test('each exposed service: a call that changes nothing by gRPC and one by REST, with what the messages require', (t) => {
  t.deepEqual(suggestedCalls(descriptorSet, 'bakery.bread', 'localhost:8080'), [
    `grpcurl -plaintext -d '{"loafId":"L-0000","crust":true}' localhost:8080 bakery.bread.v1.Bread/Get`,
    `curl 'localhost:8080/v1/loaves/L-0000?crust=true'`,
  ]);
});

test('an example keeps the rules of its message', (t) => {
  const registry = openDescriptorSet(descriptorSet);
  const validator = createValidator({ registry });
  for (const name of ['BakeRequest', 'GetRequest']) {
    const message = registry.getMessage(`bakery.bread.v1.${name}`);
    if (!message) throw new Error(`no ${name}`);
    const example = exampleRequest(message);
    const { kind, violations } = validator.validate(message, fromJson(message, example));
    t.is(kind, 'valid', `${JSON.stringify(example)} ${violations?.map(String).join()}`);
  }
});

test('an example shows plain fields, and leaves out what is optional or large', (t) => {
  const message = openDescriptorSet(descriptorSet).getMessage('bakery.bread.v1.BakeRequest');
  if (!message) throw new Error('no message');
  t.deepEqual(exampleRequest(message, { key: 'try-1' }), {
    key: 'try-1',
    oven: 'some-oven',
    email: 'ada@example.com',
    grams: 500,
    slices: 0,
    kind: 'KIND_RYE',
    seeds: [{ name: 'some-name' }, { name: 'some-name' }],
    due: '2030-01-01T00:00:00Z',
    stamp: 'd2Vm',
    branch: 'some-branch',
    short: 'some-',
    pageSize: 1,
    country: 'DE',
    share: 1.5,
  });
});
