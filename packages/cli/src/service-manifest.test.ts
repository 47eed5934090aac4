import test from 'ava';
import { parseServiceManifest } from './service-manifest.ts';

test('what is not said has its default', (t) => {
  t.deepEqual(parseServiceManifest('name: catalog\ncontract: shop.catalog\n', '/p/catalog'), {
    name: 'catalog',
    namespace: 'default',
    contract: 'shop.catalog',
    replicas: 1,
    main: 'src/main.ts',
    try: [],
    directory: '/p/catalog',
  });
});

for (const [title, text, message] of [
  ['a misspelt field', 'name: catalog\nreplica: 3\n', /replica/],
  ['a name that is not a DNS label', 'name: Catalog_1\n', /name: must be 1 to 40 of a-z/],
  ['no name', 'contract: shop.catalog\n', /name: /],
  ['a schema that would need quoting', 'name: a\nschema: "x; drop"\n', /schema: must be/],
  ['too many replicas', 'name: a\nreplicas: 51\n', /replicas: .*50/],
  ['no YAML', 'name: [\n', /not YAML: /],
  ['an empty file', '', /name: /],
] as const) {
  test(`refused with the field and what would be right: ${title}`, (t) => {
    const read = parseServiceManifest(text, '/p/x');
    t.regex('message' in read ? read.message : 'accepted', message);
  });
}
