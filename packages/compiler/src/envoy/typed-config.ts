import { create, type DescMessage, type MessageInitShape } from '@bufbuild/protobuf';
import { type Any, anyPack } from '@bufbuild/protobuf/wkt';

/** An extension's configuration, packed as Envoy takes it. */
export function typedConfig<Desc extends DescMessage>(schema: Desc, init: MessageInitShape<Desc>): Any {
  return anyPack(schema, create(schema, init));
}

/** The configuration of a named extension, as a `typed_config` oneof. */
export function extension<Desc extends DescMessage>(name: string, schema: Desc, init: MessageInitShape<Desc>) {
  return { name, configType: { case: 'typedConfig' as const, value: typedConfig(schema, init) } };
}
