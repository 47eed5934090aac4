import type { Facts } from '@weft/compiler/facts/facts';
import { gather } from '@weft/compiler/facts/gather';
import { shareFacts } from '@weft/compiler/facts/share-facts';
import { kinds, ownKinds, watchesOf } from '@weft/compiler/kinds/registry';
import {
  fieldOf,
  type Manifest,
  type ManifestObject,
  readDocument,
  shorten,
  valueAt,
} from '@weft/compiler/mesh-directory/manifest';
import type { WorkloadId } from '@weft/compiler/model/mesh';
import type { Problem } from '@weft/compiler/model/problem';
import { refWords, weftRef } from '@weft/compiler/model/resource-ref';
import { marks } from '@weft/compiler/pod/marks';
import { meshConfigName } from '@weft/compiler/pod/names';
import { type KubernetesObject, refOf } from '../../kubernetes/object.ts';
import type { ClusterObjects } from './cluster-objects.ts';
import { ContractConfigMaps } from './contract-config-maps.ts';
import { EndpointSlices } from './endpoint-slices.ts';
import { type PodOutcome, podWorkload, type SliceView } from './pod-workload.ts';

const noMeshConfig: Problem = {
  resource: `MeshConfig ${meshConfigName}`,
  about: [weftRef('MeshConfig', meshConfigName)],
  message: 'there is no MeshConfig',
  advice: `kubectl apply a weft.dev/v1 MeshConfig named ${JSON.stringify(meshConfigName)} with packages`,
};

interface Read {
  readonly object?: ManifestObject;
  readonly problems: readonly Problem[];
}

/**
 * What a cluster's objects say about the mesh; the same facts as a mesh directory's, by the same rules. No I/O.
 *
 * An object that is wrong is a problem and stops no other; its last good form goes on serving while this process runs. What did
 * not change is not read again, and is the same part of the facts.
 */
export class ClusterFacts {
  readonly #contracts = new ContractConfigMaps();
  readonly #slices = new EndpointSlices();
  readonly #documents = new WeakMap<KubernetesObject, Read>();
  readonly #pods = new WeakMap<KubernetesObject, { slices: SliceView | undefined; read: Read }>();
  #lastGood = new Map<string, ManifestObject>();
  #facts: Facts | undefined;

  /** `more`: problems that were found elsewhere. */
  facts(objects: ClusterObjects, more: readonly Problem[] = []): Facts {
    const manifests: Manifest[] = [];
    const problems: Problem[] = [...more];
    const lastGood = new Map<string, ManifestObject>();
    const take = (resource: string, read: Read) => {
      const known = read.object ?? (read.problems.length > 0 ? this.#lastGood.get(resource) : undefined);
      const serves = read.object === undefined && known !== undefined;
      for (const problem of read.problems) problems.push(serves ? stillServing(problem) : problem);
      if (known === undefined) return;
      lastGood.set(resource, known);
      manifests.push({ path: resource, objects: [known], broken: [], unreadable: false, problems: [] });
    };

    for (const object of objects.services.values()) {
      if (isMeshService(object, objects.namespaces)) take(resourceOf(object), this.#document(object));
    }
    const views = this.#slices.views(objects.endpointSlices.values());
    const zones = new Map<WorkloadId, string>();
    for (const pods of [objects.pods, objects.gatewayPods]) {
      for (const [key, pod] of pods) {
        const view = views.get(key);
        // A pod of a gateway that is injected, too, is a sidecar's.
        if (pods === objects.gatewayPods && objects.pods.has(key)) continue;
        take(resourceOf(pod), this.#pod(pod, view));
        if (view?.zone !== undefined) zones.set(`${pod.metadata.namespace ?? ''}/${pod.metadata.name}`, view.zone);
      }
    }
    for (const object of objects.meshConfigs.values()) {
      if (object.metadata.name === meshConfigName) take(resourceOf(object), this.#document(object));
      else
        problems.push({
          resource: resourceOf(object),
          about: [refOf(object)],
          field: 'metadata.name',
          message: `is ${JSON.stringify(object.metadata.name)}; it has no effect`,
          advice: `the one that counts is named ${JSON.stringify(meshConfigName)}`,
        });
    }
    for (const kind of ownKinds) {
      if (kind === kinds.MeshConfig) continue;
      for (const [name] of watchesOf(kind)) {
        for (const object of objects[name].values()) take(resourceOf(object), this.#document(object));
      }
    }
    this.#lastGood = lastGood;

    const { contracts, problems: wrong } = this.#contracts.read(objects.contracts.values());
    const gathered = gather(manifests, contracts, [...problems, ...wrong], noMeshConfig);
    const workloads = gathered.workloads.map((workload) => {
      const zone = zones.get(workload.id);
      return zone === undefined ? workload : { ...workload, locality: { zone } };
    });
    this.#facts = shareFacts(this.#facts, { ...gathered, workloads });
    return this.#facts;
  }

  #document(object: KubernetesObject): Read {
    const known = this.#documents.get(object);
    if (known) return known;
    const read = readObject(subjectOf(object), object);
    this.#documents.set(object, read);
    return read;
  }

  #pod(pod: KubernetesObject, slices: SliceView | undefined): Read {
    const known = this.#pods.get(pod);
    if (known && known.slices?.denied === slices?.denied) return known.read;
    const read = readPod(subjectOf(pod), podWorkload(pod, slices));
    this.#pods.set(pod, { slices, read });
    return read;
  }
}

/** A labelled Service, or one in a labelled namespace that does not say otherwise. One without a selector has no replicas. */
function isMeshService(service: KubernetesObject, namespaces: ClusterObjects['namespaces']): boolean {
  const word = service.metadata.labels?.[marks.mesh];
  if (word === 'disabled') return false;
  if (word === 'enabled') return true;
  if (namespaces.get(service.metadata.namespace ?? '')?.metadata.labels?.[marks.inject] !== 'true') return false;
  const { selector, type }: { selector?: unknown; type?: unknown } = Object(service.spec);
  return type !== 'ExternalName' && Object.keys(Object(selector)).length > 0;
}

type Subject = Pick<Problem, 'resource' | 'about'>;

function readPod(subject: Subject, outcome: PodOutcome): Read {
  if (outcome === undefined) return { problems: [] };
  if ('problem' in outcome) return { problems: [{ ...subject, ...outcome.problem }] };
  return readObject(subject, outcome.document);
}

function readObject(subject: Subject, value: unknown): Read {
  const { object, issues } = readDocument(value, 0);
  const problems = issues.map((issue): Problem => {
    if (issue.code === 'unrecognized_keys') {
      const field = fieldOf([...issue.path, issue.keys[0] ?? '']);
      return { ...subject, field, message: 'there is no such field', advice: `known are ${issue.message}` };
    }
    const found = valueAt(value, issue.path);
    const message = found === undefined ? 'is missing' : `is ${shorten(found)}`;
    const field = fieldOf(issue.path);
    return { ...subject, ...(field === '' ? {} : { field }), message, advice: issue.message };
  });
  return object ? { object, problems } : { problems };
}

function stillServing(problem: Problem): Problem {
  return { ...problem, message: `${problem.message}; its last good form goes on serving` };
}

/** "Service shop/orders". */
function resourceOf(object: KubernetesObject): string {
  return refWords(refOf(object));
}

function subjectOf(object: KubernetesObject): Subject {
  return { resource: resourceOf(object), about: [refOf(object)] };
}
