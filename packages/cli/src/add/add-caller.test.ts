import test from 'ava';
import { addCaller } from './add-caller.ts';

const head = 'syntax = "proto3";\npackage bakery.bread.v1;\n\nimport "weft/policy/v1/policy.proto";\n\n';

for (const [title, before, after] of [
  [
    'the last of a list',
    'service S {\n  option (weft.policy.v1.service) = {\n    callers: ["bakery.oven"]\n  };\n}\n',
    'service S {\n  option (weft.policy.v1.service) = {\n    callers: ["bakery.oven", "bakery.cart"]\n  };\n}\n',
  ],
  [
    'the only one of an empty list',
    'service S { option (weft.policy.v1.service) = {callers: []}; }',
    'service S { option (weft.policy.v1.service) = {callers: ["bakery.cart"]}; }',
  ],
  [
    'a list with a line each, whose comments stay where they are',
    'service S {\n  option (weft.policy.v1.service) = {\n    callers: [\n      "a.b", // first\n      "c.d" // last\n    ]\n  };\n}\n',
    'service S {\n  option (weft.policy.v1.service) = {\n    callers: [\n      "a.b", // first\n      "c.d", // last\n      "bakery.cart"\n    ]\n  };\n}\n',
  ],
  [
    'a policy of several lines that names no caller',
    'service S {\n\toption (weft.policy.v1.service) = {\n\t\t// Everybody.\n\t\texposure: EXPOSURE_EDGE\n\t};\n}\n',
    'service S {\n\toption (weft.policy.v1.service) = {\n\t\tcallers: ["bakery.cart"]\n\t\t// Everybody.\n\t\texposure: EXPOSURE_EDGE\n\t};\n}\n',
  ],
  [
    'a policy of one line that names no caller',
    'service S { option (.weft.policy.v1.service) = {exposure: EXPOSURE_EDGE}; }',
    'service S { option (.weft.policy.v1.service) = {callers: ["bakery.cart"], exposure: EXPOSURE_EDGE}; }',
  ],
  [
    'an empty policy',
    'service S { option (weft.policy.v1.service) = {}; }',
    'service S { option (weft.policy.v1.service) = {callers: ["bakery.cart"]}; }',
  ],
  [
    'no policy',
    'service S {\n  // Does it.\n  rpc Do(A) returns (B);\n}\n',
    'service S {\n  option (weft.policy.v1.service) = {callers: ["bakery.cart"]};\n  // Does it.\n  rpc Do(A) returns (B);\n}\n',
  ],
  [
    'a field once for each caller',
    'service S {\n  option (weft.policy.v1.service) = {\n    callers: "a.b"\n    callers: \'c.d\'\n  };\n}\n',
    'service S {\n  option (weft.policy.v1.service) = {\n    callers: "a.b"\n    callers: \'c.d\'\n    callers: "bakery.cart"\n  };\n}\n',
  ],
  [
    'a statement for each caller',
    'service S {\n  option (weft.policy.v1.service).callers = "a.b";\n  rpc Do(A) returns (B);\n}\n',
    'service S {\n  option (weft.policy.v1.service).callers = "a.b";\n  option (weft.policy.v1.service).callers = "bakery.cart";\n  rpc Do(A) returns (B);\n}\n',
  ],
  [
    'only the service that is meant: neither another, nor what comments, texts, methods and shadows say',
    'service T {\n  option (weft.policy.v1.service) = {callers: ["a.b"]};\n}\n// service S { option (weft.policy.v1.service) = {callers: ["x.y"]}; }\nservice S {\n  rpc Do(A) returns (B) {\n    option (weft.policy.v1.method) = {callers: {names: ["a.b"]}};\n  }\n  option deprecated = false;\n  option (other.option) = {callers: ["}"]};\n  option (weft.policy.v1.service) = {\n    shadow: {callers: {names: ["a.b"]}}\n    callers: ["c.d"] /* } */\n  };\n}\n',
    'service T {\n  option (weft.policy.v1.service) = {callers: ["a.b"]};\n}\n// service S { option (weft.policy.v1.service) = {callers: ["x.y"]}; }\nservice S {\n  rpc Do(A) returns (B) {\n    option (weft.policy.v1.method) = {callers: {names: ["a.b"]}};\n  }\n  option deprecated = false;\n  option (other.option) = {callers: ["}"]};\n  option (weft.policy.v1.service) = {\n    shadow: {callers: {names: ["a.b"]}}\n    callers: ["c.d", "bakery.cart"] /* } */\n  };\n}\n',
  ],
] as const) {
  test(`a caller joins ${title}`, (t) => {
    t.is(addCaller(head + before, 'S', 'bakery.cart'), head + after);
    // Once is enough.
    t.is(addCaller(head + after, 'S', 'bakery.cart'), head + after);
  });
}

test('a file without the options gets their import', (t) => {
  const service = 'service S {\n  rpc Do(A) returns (B);\n}\n';
  const policy =
    'service S {\n  option (weft.policy.v1.service) = {callers: ["bakery.cart"]};\n  rpc Do(A) returns (B);\n}\n';
  t.is(
    addCaller(`syntax = "proto3";\npackage a.b.v1;\nimport "x.proto";\n\n${service}`, 'S', 'bakery.cart'),
    `syntax = "proto3";\npackage a.b.v1;\nimport "x.proto";\nimport "weft/policy/v1/policy.proto";\n\n${policy}`,
  );
  t.is(
    addCaller(`syntax = "proto3";\npackage a.b.v1;\n${service}`, 'S', 'bakery.cart'),
    `syntax = "proto3";\npackage a.b.v1;\n\nimport "weft/policy/v1/policy.proto";\n${policy}`,
  );
});

for (const [title, proto] of [
  ['a service that is not there', 'service T {}'],
  ['a service without an end', 'service S { option (weft.policy.v1.service) = {'],
  ['a list of more than texts', 'service S { option (weft.policy.v1.service) = {callers: ["a" "b"]}; }'],
  ['the other brackets', 'service S { option (weft.policy.v1.service) = {shadow <callers {names: "a"}>}; }'],
  [
    'a policy in two forms',
    'service S { option (weft.policy.v1.service) = {}; option (weft.policy.v1.service).exposure = EXPOSURE_EDGE; }',
  ],
] as const) {
  test(`a person is asked for ${title}`, (t) => {
    t.is(addCaller(head + proto, 'S', 'bakery.cart'), undefined);
  });
}
