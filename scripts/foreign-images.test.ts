import test from 'ava';
import { pinned, unpinnedImages } from './foreign-images.ts';

const digest = `sha256:${'a'.repeat(64)}`;

test('images that are named by tag alone, in Dockerfiles and values', (t) => {
  t.deepEqual(unpinnedImages('FROM node:24-slim AS build\nRUN x\nFROM node:24-slim\n'), ['node:24-slim']);
  t.deepEqual(unpinnedImages('envoy:\n  image: envoyproxy/envoy:distroless-v1\n'), ['envoyproxy/envoy:distroless-v1']);
});

test('what is pinned, is no image or is an example is left alone', (t) => {
  t.deepEqual(unpinnedImages(`FROM node:24-slim@${digest}\n`), []);
  t.deepEqual(unpinnedImages('image:\n  registry: docker.io/weft\n'), []);
  t.deepEqual(unpinnedImages('  image: 123456789012.dkr.ecr.eu-central-1.amazonaws.com/envoy:v1\n'), []);
});

test('a digest stands beside the tag, and a second run changes nothing', (t) => {
  const digests = new Map([['node:24-slim', digest]]);
  const once = pinned('FROM node:24-slim AS build\nFROM debian:bookworm-slim\n', digests);
  t.is(once, `FROM node:24-slim@${digest} AS build\nFROM debian:bookworm-slim\n`);
  t.is(pinned(once, digests), once);
});
