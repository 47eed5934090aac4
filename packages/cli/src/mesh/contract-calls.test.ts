import type { DescFile } from '@bufbuild/protobuf';
import { create, toBinary } from '@bufbuild/protobuf';
import { type FileDescriptorProto, type FileDescriptorSet, FileDescriptorSetSchema } from '@bufbuild/protobuf/wkt';
import { file_bakery_catalog_v1_catalog } from '@weft/test-contracts/bakery/catalog/v1/catalog';
import test from 'ava';
import { contractCalls } from './contract-calls.ts';

function setOf(file: DescFile): FileDescriptorSet {
  const files = new Map<string, FileDescriptorProto>();
  const add = (desc: DescFile): void => {
    if (files.has(desc.proto.name)) return;
    for (const dependency of desc.dependencies) add(dependency);
    files.set(desc.proto.name, desc.proto);
  };
  add(file);
  return create(FileDescriptorSetSchema, { file: [...files.values()] });
}

test('finds who may call each unary method', (t) => {
  const bytes = toBinary(FileDescriptorSetSchema, setOf(file_bakery_catalog_v1_catalog));
  const calls = contractCalls(bytes, 'bakery.catalog');
  t.deepEqual(
    calls.find(({ path }) => path === '/bakery.catalog.v1.CatalogService/GetProduct'),
    { path: '/bakery.catalog.v1.CatalogService/GetProduct', callers: ['bakery.orders'], exposed: true },
  );
  // A client stream is no unary method.
  t.is(
    calls.find(({ path }) => path.endsWith('/ImportProducts')),
    undefined,
  );
  t.deepEqual(contractCalls(bytes, 'bakery.money'), []);
});
