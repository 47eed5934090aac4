import { create } from '@bufbuild/protobuf';
import {
  DescriptorProtoSchema,
  Edition,
  FeatureSet_EnumType as EnumType,
  type FeatureSet,
  FeatureSetSchema,
  file_google_protobuf_any,
  file_google_protobuf_duration,
  file_google_protobuf_struct,
  file_google_protobuf_timestamp,
  FeatureSet_JsonFormat as JsonFormat,
  FieldDescriptorProto_Label as Label,
  FeatureSet_MessageEncoding as MessageEncoding,
  FeatureSet_FieldPresence as Presence,
  FeatureSet_RepeatedFieldEncoding as RepeatedEncoding,
  FieldDescriptorProto_Type as Type,
  FeatureSet_Utf8Validation as Utf8,
} from '@bufbuild/protobuf/wkt';
import { file_google_rpc_error_details } from '@weft/policy/google/rpc/error_details';
import { file_google_rpc_status } from '@weft/policy/google/rpc/status';
import { type Draft, type FileInit, field, get, type OddCase, type OddContract, typeName } from './odd-contracts.ts';

type Given = Omit<OddContract, 'n'>;
type Edit = (file: Draft, n: number) => void;

const of = (name: string, make: (n: number) => Given, refused?: RegExp): OddCase => ({
  name,
  make,
  ...(refused ? { refused } : {}),
});
const edited = (name: string, edit: Edit, refused?: RegExp) =>
  of(name, (n) => ({ edit: (file) => edit(file, n) }), refused);

const httpBody: FileInit = {
  name: 'google/api/httpbody.proto',
  package: 'google.api',
  syntax: 'proto3',
  messageType: [{ name: 'HttpBody', field: [field('content_type', 1, Type.STRING), field('data', 2, Type.BYTES)] }],
};

/** Bindings of google.api.http. */
const bindings: readonly OddCase[] = [
  ...['part', 'sub', 'subs', 'names', 'kind', 'labels', 'raw', 'big', 'nope', 'sub.part', '*'].map((responseBody) =>
    of(
      `response_body: ${responseBody}`,
      (n) => ({ rule: { ...get(n, '/{name}'), responseBody } }),
      /^\(google.api.http\) response_body ".*" is not a google.api.HttpBody field/,
    ),
  ),
  of('response_body: a google.api.HttpBody', (n) => ({
    rule: { ...get(n, '/{name}'), responseBody: 'page' },
    imports: [httpBody],
    edit: (file) => {
      file.dependency = [httpBody.name ?? ''];
      file.messageType[0].field.push(field('page', 20, Type.MESSAGE, { typeName: '.google.api.HttpBody' }));
    },
  })),
  ...['part', 'sub', 'subs', 'names', 'kind', 'labels', 'raw', 'ok', '*'].map((body) =>
    of(`body: ${body}`, (n) => ({ rule: { pattern: { case: 'post', value: `/odd${n}` }, body } })),
  ),
  ...['nope', 'sub.part', 'name.x'].map((body) =>
    of(`body: ${body}`, (n) => ({ rule: { pattern: { case: 'post', value: `/odd${n}` }, body } }), /is not a field of/),
  ),
  of('GET with a body', (n) => ({ rule: { ...get(n, ''), body: '*' } })),
  ...[
    '/**',
    '/{name=**}',
    '/{name=foo/*/bar}',
    '/{name}/{part}',
    '/{name=s/*}:verb',
    '/%41',
    '/{sub.part}',
    '/{sub.inner.part}',
    '/{raw}',
    '/{kind}',
    '/{ok}',
    '/{one}/{two}',
    ':verb',
    '/x:a.b',
    '/{name=**}:verb',
    '/*/**',
    '/-_.~',
    '/..',
    `/${'a'.repeat(900)}`,
    `/${'*/'.repeat(300)}x`,
  ].map((path) => of(`path ${path.slice(0, 40)}`, (n) => ({ rule: get(n, path) }))),
  ...[
    '/',
    '//x',
    '/a b',
    '/{name=**}/b',
    '/é',
    '/{name=}',
    '/{name =*}',
    '/{name',
    '/name}',
    '/x:',
    '/x:y:z',
    '/**/**',
    '/x*',
    '/+',
    '/@x',
    '/{name}.json',
    '/x:*',
    '/x?y',
    '/x#y',
    '/{name=a{b}}',
  ].map((path) => of(`path ${path}`, (n) => ({ rule: get(n, path) }), /is not a template/)),
  ...['names', 'labels', 'sub', 'subs.part', 'nope', 'sub.nope'].map((name) =>
    of(`path /{${name}}`, (n) => ({ rule: get(n, `/{${name}}`) }), /names \{/),
  ),
  of('a variable twice', (n) => ({ rule: get(n, '/{name}/{name}') }), /names \{name\} twice/),
  of(
    'a path of 2,000 characters',
    (n) => ({ rule: get(n, `/${'a'.repeat(2000)}`) }),
    /has a path of 20\d\d characters/,
  ),
  of('a path without a slash', () => ({ rule: { pattern: { case: 'get', value: 'x' } } }), /is not a template/),
  of('no pattern', () => ({ rule: {} }), /has no verb and path/),
  of('any verb', (n) => ({ rule: { pattern: { case: 'custom', value: { kind: '*', path: `/v1/any${n}` } } } })),
  of(
    'a verb whose answers have no body',
    () => ({ rule: { pattern: { case: 'custom', value: { kind: 'HEAD', path: '/x' } } } }),
    /has the custom kind "HEAD"/,
  ),
  of(
    'the same binding twice',
    (n) => ({ rule: { ...get(n, '/{name}'), additionalBindings: [get(n, '/{part}')] } as Given['rule'] & object }),
    /is also/,
  ),
  of(
    'bindings in bindings',
    (n) => ({
      rule: {
        ...get(n, '/a'),
        additionalBindings: [{ ...get(n, '/b'), additionalBindings: [get(n, '/c')] }],
      } as Given['rule'] & object,
    }),
    /additional_bindings within/,
  ),
  of(
    '101 bindings',
    (n) => ({
      rule: {
        ...get(n, '/a'),
        additionalBindings: Array.from({ length: 100 }, (_, index) => get(n, `/b${index}`)),
      } as Given['rule'] & object,
    }),
    /has 101 bindings/,
  ),
  ...['clientStreaming', 'serverStreaming'].map((streaming) =>
    edited(streaming, (file) => Object.assign(file.service[0].method[0] ?? {}, { [streaming]: true })),
  ),
];

const nonZero = (file: Draft) => {
  file.enumType[0].value = [{ name: 'KIND_ONE', number: 1 }];
};
const clash = (file: Draft) =>
  file.messageType[1].field.push(
    field('a_b', 10, Type.STRING, { jsonName: 'aB' }),
    field('aB', 11, Type.STRING, { jsonName: 'aB' }),
  );
type Features = Partial<Omit<FeatureSet, '$typeName' | '$unknown'>>;
const edition = (
  name: string,
  features: Features,
  edit: Edit = () => {},
  refused?: RegExp,
  year = Edition.EDITION_2023,
) =>
  edited(
    `edition ${year}: ${name}`,
    (file, n) => {
      file.syntax = 'editions';
      file.edition = year;
      file.options = { features: create(FeatureSetSchema, features) };
      edit(file, n);
    },
    refused,
  );
/** Features of one field of Thing. */
const onField =
  (name: string, features: Features): Edit =>
  (file) => {
    const found = file.messageType[0].field.find((each) => each.name === name);
    Object.assign(found ?? {}, { options: { features } });
  };
const at2024 = Edition.EDITION_2024;
const { DELIMITED } = MessageEncoding;

/** What editions bring, as protoc understands it and Envoy's descriptor pool. */
const editions: readonly OddCase[] = [
  edition('nothing of its own', {}),
  edition('nothing of its own', {}, undefined, undefined, at2024),
  edition('closed enums', { enumType: EnumType.CLOSED }),
  edition('closed enums without 0', { enumType: EnumType.CLOSED }, nonZero),
  edition('closed enums without 0', { enumType: EnumType.CLOSED }, nonZero, undefined, at2024),
  edition('an open enum without 0', {}, nonZero, /open enum whose first value KIND_ONE is 1/),
  edition('one closed enum without 0', {}, (file) => {
    nonZero(file);
    file.enumType[0].options = { features: { enumType: EnumType.CLOSED } };
  }),
  edition(
    'closed enums without presence',
    { enumType: EnumType.CLOSED, fieldPresence: Presence.IMPLICIT },
    undefined,
    /has the closed enum .* and no presence/,
  ),
  edition(
    'repeated closed enums in a file without presence',
    { enumType: EnumType.CLOSED, fieldPresence: Presence.IMPLICIT },
    (file) => {
      const kind = file.messageType[0].field.find(({ name }) => name === 'kind');
      Object.assign(kind ?? {}, { label: Label.REPEATED });
    },
    /has the closed enum .* and no presence/,
  ),
  edition('no presence', { fieldPresence: Presence.IMPLICIT }),
  edition('IMPLICIT on a message', {}, onField('sub', { fieldPresence: Presence.IMPLICIT }), /is not for messages/),
  edition('presence on a repeated field', {}, onField('names', { fieldPresence: Presence.EXPLICIT }), /for repeated/),
  edition('presence in a oneof', {}, onField('one', { fieldPresence: Presence.EXPLICIT }), /members of a oneof/),
  edition('required', {}, onField('name', { fieldPresence: Presence.LEGACY_REQUIRED })),
  edition(
    'required everywhere',
    { fieldPresence: Presence.LEGACY_REQUIRED },
    undefined,
    /is not allowed for a whole file/,
  ),
  edition('DELIMITED everywhere', { messageEncoding: DELIMITED }, undefined, /Thing\.\w+ in delimited encoding/),
  edition('DELIMITED everywhere', { messageEncoding: DELIMITED }, undefined, /in delimited encoding/, at2024),
  edition('one DELIMITED field', {}, onField('sub', { messageEncoding: DELIMITED }), /Thing.sub in delimited encoding/),
  edition('a DELIMITED list', {}, onField('subs', { messageEncoding: DELIMITED }), /Thing.subs in delimited encoding/),
  edition(
    'a DELIMITED scalar',
    {},
    onField('name', { messageEncoding: DELIMITED }),
    /message_encoding is for messages/,
  ),
  edition('a DELIMITED map', {}, onField('labels', { messageEncoding: DELIMITED }), /message_encoding is for messages/),
  edition('DELIMITED where no method looks', {}, (file, n) => {
    const inner = field('x', 1, Type.MESSAGE, {
      typeName: typeName(n, 'Sub'),
      options: { features: { messageEncoding: DELIMITED } },
    });
    file.messageType.push({ name: 'Unused', field: [inner] });
  }),
  edition('EXPANDED', { repeatedFieldEncoding: RepeatedEncoding.EXPANDED }),
  edition(
    'EXPANDED, single',
    {},
    onField('name', { repeatedFieldEncoding: RepeatedEncoding.EXPANDED }),
    /for repeated/,
  ),
  edition('PACKED texts', {}, onField('names', { repeatedFieldEncoding: RepeatedEncoding.PACKED }), /PACKED is for/),
  edition('utf8_validation NONE', { utf8Validation: Utf8.NONE }),
  edition(
    'utf8_validation of bytes',
    {},
    onField('raw', { utf8Validation: Utf8.NONE }),
    /utf8_validation is for strings/,
  ),
  edition('LEGACY_BEST_EFFORT and a clash', { jsonFormat: JsonFormat.LEGACY_BEST_EFFORT }, clash),
  edition('two fields of one JSON name', {}, clash, /are both "aB" in JSON/),
  edition(
    'a group',
    {},
    (file) => {
      const sub = file.messageType[0].field.find(({ name }) => name === 'sub');
      Object.assign(sub ?? {}, { type: Type.GROUP });
    },
    /is a group/,
  ),
  edition(
    'a name in another style',
    {},
    (file) => file.messageType.push({ name: 'lower_case', field: [] }),
    undefined,
    at2024,
  ),
  edition(
    'a nested type of another file',
    {},
    (file) => {
      file.dependency = ['outer.proto'];
      file.messageType[1].field.push(field('nested', 9, Type.MESSAGE, { typeName: '.outer.Outer.Nested' }));
    },
    undefined,
    at2024,
  ),
];
// The imports of the last one.
const outer: FileInit = {
  name: 'outer.proto',
  package: 'outer',
  syntax: 'editions',
  edition: at2024,
  messageType: [{ name: 'Outer', nestedType: [create(DescriptorProtoSchema, { name: 'Nested', visibility: 2 })] }],
};

const syntaxes: readonly OddCase[] = [
  edited('proto3: two fields of one JSON name', clash, /are both "aB" in JSON/),
  edited('proto3: an enum without 0', nonZero, /open enum whose first value/),
  edited('proto3: a default', (file) => set(file, 'name', { defaultValue: 'x' }), /no presence and a default/),
  edited('proto3: required', (file) => set(file, 'name', { label: Label.REQUIRED }), /is required/),
  edited('proto3: a group', (file) => set(file, 'sub', { type: Type.GROUP }), /is a group/),
  edited(
    'proto3: features',
    (file) => (file.options = { features: create(FeatureSetSchema, { enumType: 2 }) }),
    /only editions/,
  ),
  edited('proto3: optional', (file) => {
    Object.assign(file.messageType[1].field[0] ?? {}, { proto3Optional: true, oneofIndex: 0 });
    file.messageType[1].oneofDecl = [{ name: '_part' }];
  }),
  edited(
    'proto3: optional without its oneof',
    (file) => Object.assign(file.messageType[1].field[0] ?? {}, { proto3Optional: true }),
    /proto3_optional without/,
  ),
  edited('proto2: an enum without 0', (file) => {
    file.syntax = 'proto2';
    nonZero(file);
  }),
  edited('proto2: two fields of one JSON name', (file) => {
    file.syntax = 'proto2';
    clash(file);
  }),
  edited('proto2: required', (file) => {
    file.syntax = 'proto2';
    set(file, 'name', { label: Label.REQUIRED });
  }),
  edited(
    'proto2: a group',
    (file, n) => {
      file.syntax = 'proto2';
      file.messageType[0].nestedType?.push({ name: 'Grp', field: [field('x', 1, Type.STRING)] });
      file.messageType[0].field.push(field('grp', 30, Type.GROUP, { typeName: typeName(n, 'Thing.Grp') }));
    },
    /Thing.grp in delimited encoding/,
  ),
  edited('proto2: defaults', (file) => {
    file.syntax = 'proto2';
    set(file, 'name', { defaultValue: 'x' });
    set(file, 'big', { defaultValue: '-12' });
    set(file, 'kind', { defaultValue: 'KIND_ONE' });
    set(file, 'ok', { defaultValue: 'true' });
  }),
  ...(
    [
      ['big', 'abc'],
      ['big', '9223372036854775808'],
      ['kind', 'NOPE'],
      ['ok', 'yes'],
    ] as const
  ).map(([name, defaultValue]) =>
    edited(
      `proto2: ${name} = ${defaultValue}`,
      (file) => {
        file.syntax = 'proto2';
        set(file, name, { defaultValue });
      },
      /is none of its values/,
    ),
  ),
  edited('proto2: extensions', (file, n) => {
    file.syntax = 'proto2';
    file.messageType[0].extensionRange = [{ start: 100, end: 200 }];
    file.extension = [field('ext', 101, Type.STRING, { extendee: typeName(n, 'Thing') })];
  }),
  edited('proto2: a message set', (file) => {
    file.syntax = 'proto2';
    const extensionRange = [{ start: 4, end: 2_147_483_647 }];
    file.messageType[1] = { name: 'Sub', field: [], extensionRange, options: { messageSetWireFormat: true } };
  }),
];

/** Changes a field of Thing. */
function set(file: Draft, name: string, more: object): void {
  Object.assign(file.messageType[0].field.find((each) => each.name === name) ?? {}, more);
}

const imported = (name: string, type: string, imports: readonly FileInit[], refused?: RegExp) =>
  of(
    name,
    () => ({
      imports,
      edit: (file) => {
        file.dependency = imports.map((each) => each.name ?? '');
        file.messageType[1].field.push(field('ext', 20, Type.MESSAGE, { typeName: type }));
      },
    }),
    refused,
  );
const own = (name: string, scope: string, message: string): FileInit => ({
  name,
  package: scope,
  syntax: 'proto3',
  messageType: [{ name: message, field: [field('x', 1, Type.STRING)] }],
});
const under = ({ proto }: { proto: FileInit }, name: string): FileInit => ({ ...proto, name }) as FileInit;
const duration = file_google_protobuf_duration;
const anyFile = file_google_protobuf_any;

/** Files that everybody knows, under paths that nobody does. */
const vendored: readonly OddCase[] = [
  imported('error_details', '.google.rpc.BadRequest', [duration.proto, file_google_rpc_error_details.proto]),
  imported('error_details elsewhere', '.google.rpc.BadRequest', [
    duration.proto,
    under(file_google_rpc_error_details, 'vendor/details.proto'),
  ]),
  imported('status elsewhere', '.google.rpc.Status', [
    anyFile.proto,
    under(file_google_rpc_status, 'vendor/status.proto'),
  ]),
  imported('timestamp elsewhere', '.google.protobuf.Timestamp', [under(file_google_protobuf_timestamp, 'v/ts.proto')]),
  imported('duration elsewhere', '.google.protobuf.Duration', [under(duration, 'vendor/duration.proto')]),
  imported('any elsewhere', '.google.protobuf.Any', [under(anyFile, 'vendor/any.proto')]),
  imported('struct elsewhere', '.google.protobuf.Struct', [under(file_google_protobuf_struct, 'v/struct.proto')]),
  ...[
    'google/protobuf/timestamp.proto',
    'google/protobuf/duration.proto',
    'google/protobuf/any.proto',
    'google/protobuf/descriptor.proto',
    'google/rpc/error_details.proto',
    'google/rpc/status.proto',
    'google/api/annotations.proto',
    'google/api/http.proto',
  ].map((name) => imported(`another ${name}`, '.mine.Mine', [own(name, 'mine', 'Mine')])),
  ...['Timestamp', 'Duration', 'Any', 'Struct', 'Value', 'StringValue', 'FieldMask'].map((name) =>
    imported(
      `another google.protobuf.${name}`,
      `.google.protobuf.${name}`,
      [own('x.proto', 'google.protobuf', name)],
      /lacks the field .* of the standard's google.protobuf/,
    ),
  ),
  imported(
    'another Status',
    '.google.rpc.Status',
    [own('x.proto', 'google.rpc', 'Status')],
    /the standard's google.rpc.Status/,
  ),
  imported(
    'another ErrorInfo',
    '.google.rpc.ErrorInfo',
    [own('x.proto', 'google.rpc', 'ErrorInfo')],
    /google.rpc.ErrorInfo/,
  ),
  imported('a message google.rpc', '.google.rpc', [own('x.proto', 'google', 'rpc')], /is also a package/),
  imported(
    'error_details twice',
    '.google.rpc.BadRequest',
    [duration.proto, file_google_rpc_error_details.proto, under(file_google_rpc_error_details, 'vendor/details.proto')],
    /is also in google\/rpc\/error_details.proto/,
  ),
];

const more = (file: Draft, ...fields: ReturnType<typeof field>[]) => file.messageType[1].field.push(...fields);

const renamed = (name: string, to: (scope: string) => string, refused: RegExp) =>
  edited(
    `a package ${name}`,
    (file) => {
      const scope = file.package ?? '';
      const moved = JSON.stringify(file.messageType).replaceAll(`.${scope}.`, `.${to(scope)}.`);
      file.messageType = JSON.parse(moved);
      for (const method of file.service[0].method) {
        Object.assign(method, { inputType: `.${to(scope)}.Thing`, outputType: `.${to(scope)}.Thing` });
      }
      file.package = to(scope);
    },
    refused,
  );

/** Packages that give no host name. */
const packages: readonly OddCase[] = [
  renamed('in upper case', (scope) => scope.replace('odd', 'Odd'), /gives no logical name/),
  renamed('of 300 characters', (scope) => scope.replace('odd', `odd${'a'.repeat(300)}`), /gives no logical name/),
  renamed('with two dots', (scope) => scope.replace('.odd', '..odd'), /is not a valid package/),
  renamed('of versions', () => 'v1.v1.v1', /gives no logical name/),
];

/** What no protoc lets pass, but a contract is whatever bytes somebody publishes. */
const malformed: readonly OddCase[] = [
  edited(
    'a value twice',
    (f) => f.enumType.push({ name: 'E', value: [{ name: 'KIND_ONE', number: 0 }] }),
    /twice in its file/,
  ),
  edited(
    'a number twice',
    (f) =>
      f.enumType.push({
        name: 'E',
        value: [
          { name: 'A', number: 0 },
          { name: 'B', number: 0 },
        ],
      }),
    /B and A are both 0/,
  ),
  edited('a needless allow_alias', (f) =>
    f.enumType.push({ name: 'E', value: [{ name: 'A', number: 0 }], options: { allowAlias: true } }),
  ),
  edited(
    'values alike',
    (f) =>
      f.enumType.push({
        name: 'Other',
        value: [
          { name: 'OTHER_A', number: 0 },
          { name: 'A', number: 1 },
        ],
      }),
    /are the same without/,
  ),
  edited('no value', (f) => f.enumType.push({ name: 'E', value: [] }), /without values/),
  edited('a field twice', (f) => more(f, field('part', 9, Type.STRING)), /twice in its file/),
  edited('a field number twice', (f) => more(f, field('x', 1, Type.STRING)), /its number 1 is also part's/),
  edited('field 0', (f) => more(f, field('x', 0, Type.STRING)), /its number is 0/),
  edited('field -1', (f) => more(f, field('x', -1, Type.STRING)), /its number is -1/),
  edited('field 2^29', (f) => more(f, field('x', 2 ** 29, Type.STRING)), /its number is 536870912/),
  edited('field 19000', (f) => more(f, field('x', 19_000, Type.STRING))),
  edited('a field x-y', (f) => more(f, field('x-y', 9, Type.STRING)), /"x-y" is not a valid name/),
  edited('a field without a name', (f) => more(f, field('', 9, Type.STRING)), /"" is not a valid name/),
  edited('a message twice', (f) => f.messageType.push({ name: 'Sub', field: [] }), /twice in its file/),
  edited('a message as an enum', (f) => f.messageType.push({ name: 'Kind', field: [] }), /twice in its file/),
  edited('a service as a message', (f) => (f.service[0].name = 'Sub'), /twice in its file/),
  edited('a method twice', (f) => f.service[0].method.push({ ...f.service[0].method[0], options: undefined }), /twice/),
  edited('an empty oneof', (f) => (f.messageType[1].oneofDecl = [{ name: 'none' }]), /oneof none has no field/),
  edited('a oneof as a field', (f) => (f.messageType[0].oneofDecl = [{ name: 'name' }]), /twice in its file/),
  edited(
    'a oneof that is not there',
    (f) => Object.assign(f.messageType[1].field[0] ?? {}, { oneofIndex: 5 }),
    /in oneof 5/,
  ),
  edited('a repeated member', (f) => set(f, 'one', { label: Label.REPEATED }), /a field that is not single/),
  edited(
    'a oneof in two parts',
    (f) =>
      f.messageType[0].field.push(field('three', 30, Type.STRING), field('four', 31, Type.STRING, { oneofIndex: 0 })),
    /do not stand together/,
  ),
  edited(
    'a scalar with a type',
    (f, n) => more(f, field('x', 9, Type.STRING, { typeName: typeName(n, 'Sub') })),
    /a scalar with/,
  ),
  edited(
    'a type that is not there',
    (f) => more(f, field('x', 9, Type.MESSAGE, { typeName: '.no.Such' })),
    /not found/,
  ),
  edited('a map of floats', (f) => set2(f, { type: Type.FLOAT }), /has a key that is not a string/),
  edited(
    'an entry of another name',
    (f, n) => {
      const [entry] = f.messageType[0].nestedType ?? [];
      if (entry) entry.name = 'Foo';
      set(f, 'labels', { typeName: typeName(n, 'Thing.Foo') });
    },
    /whose entry is LabelsEntry/,
  ),
  edited(
    'an entry of two fields',
    (f, n) => {
      const entry = typeName(n, 'Thing.LabelsEntry');
      f.messageType[0].field.push(field('again', 30, Type.MESSAGE, { typeName: entry, label: Label.REPEATED }));
    },
    /is that of 2 fields/,
  ),
  edited('a single map', (f) => set(f, 'labels', { label: Label.OPTIONAL }), /is not repeated/),
  edited('a name with NUL', (f) => Object.assign(f.messageType[1].field[0] ?? {}, { jsonName: 'a\0b' }), /has a NUL/),
  edited(
    'a name in brackets',
    (f) => Object.assign(f.messageType[1].field[0] ?? {}, { jsonName: '[a.b]' }),
    /extension's form/,
  ),
  edited(
    'a chosen name twice',
    (f) => Object.assign(f.messageType[1].field[0] ?? {}, { jsonName: 'inner' }),
    /both "inner"/,
  ),
  edited('reserved and used', (f) => (f.messageType[1].reservedRange = [{ start: 1, end: 2 }])),
  edited('packed texts', (f) => set(f, 'names', { options: { packed: true } })),
  edited('lazy texts', (f) => set(f, 'names', { options: { lazy: true } })),
  edited('jstype of a text', (f) => set(f, 'name', { options: { jstype: 1 } })),
  edited('an option of nobody', (f) => {
    const uninterpretedOption = [{ name: [{ namePart: 'foo', isExtension: false }], identifierValue: 'x' }];
    f.messageType[0].options = { uninterpretedOption };
  }),
  edited('a file that imports itself', (f) => (f.dependency = [f.name ?? '']), /./),
  edited('an import that is not there', (f) => (f.dependency = ['no/such.proto']), /no\/such.proto/),
  edited('syntax proto4', (f) => (f.syntax = 'proto4'), /proto4/),
  edited('30 messages deep', (f) => f.messageType.push(deep(30))),
  edited('40 messages deep', (f) => f.messageType.push(deep(40)), /stands in 3\d messages/),
];

/** Changes the key of Thing.labels. */
function set2(file: Draft, more: object): void {
  Object.assign(file.messageType[0].nestedType?.[0]?.field[0] ?? {}, more);
}

function deep(levels: number): Draft['messageType'][number] {
  let message: Draft['messageType'][number] = { name: 'N', field: [] };
  for (let level = 0; level < levels; level++) message = { name: 'N', field: [], nestedType: [message] };
  return message;
}

/** Contracts that are odd in one way each. */
export const oddCases: readonly OddCase[] = [
  ...bindings,
  ...editions.map((each) =>
    each.name.includes('a nested type')
      ? { ...each, make: (n: number) => ({ ...each.make(n), imports: [outer] }) }
      : each,
  ),
  ...syntaxes,
  ...vendored,
  ...packages,
  ...malformed,
];
