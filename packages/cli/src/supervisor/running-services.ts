import { readFileSync } from 'node:fs';
import { didYouMean } from '@weft/compiler/model/did-you-mean';
import { CommandError, reasonOf } from '../command-error.ts';
import { generatedContracts } from '../contracts.ts';
import { contractCalls } from '../mesh/contract-calls.ts';
import { meshConfigYaml, packageOwnership, serviceYaml, tracingEndpoint } from '../mesh/manifests.ts';
import { weftHere } from '../package-manager.ts';
import type { Project } from '../project.ts';
import type { ServiceManifest } from '../service-manifest.ts';
import { edgeNamespace } from './edge.ts';
import type { MeshRun } from './mesh-run.ts';
import { type PublishedContract, RunningService } from './running-service.ts';
import type { Trouble } from './trouble.ts';

/** The services of a running mesh, and their shared entries in the mesh directory. */
export class RunningServices {
  readonly #run: MeshRun;
  readonly #project: Project;
  readonly #except: ReadonlySet<string>;
  readonly #all: RunningService[] = [];
  #problems: readonly Trouble[];

  /** Adds every service that it can; the others become `problems`. `except`: services whose processes are not started. */
  constructor(
    run: MeshRun,
    project: Project,
    services: readonly ServiceManifest[],
    problems: readonly Trouble[],
    except: ReadonlySet<string>,
  ) {
    this.#run = run;
    this.#project = project;
    this.#except = except;
    this.#problems = problems;
    for (const service of services) {
      try {
        this.#all.push(this.#make(service));
      } catch (error) {
        this.report({ subject: service.name, message: reasonOf(error) });
      }
    }
    this.publish();
  }

  get all(): readonly RunningService[] {
    return this.#all;
  }

  /** The services that were left out, and what went wrong. */
  get problems(): readonly Trouble[] {
    return this.#problems;
  }

  find(name: string): RunningService | undefined {
    return this.#all.find(({ service }) => service.name === name);
  }

  /** @throws CommandError that lists the known services. */
  get(name: string): RunningService {
    const running = this.find(name);
    if (running) return running;
    const names = this.#all.map(({ service }) => service.name);
    throw new CommandError(
      `No service is named ${name}.${didYouMean(name, names)} Services: ${names.join(', ') || 'none'}.`,
    );
  }

  /**
   * Makes a service known to the mesh; starts nothing.
   *
   * @throws CommandError when its contract is missing.
   */
  add(service: ServiceManifest): RunningService {
    const running = this.#make(service);
    this.#all.push(running);
    this.publish();
    return running;
  }

  /** Removes a service without replicas from the mesh. */
  drop(running: RunningService): void {
    this.#all.splice(this.#all.indexOf(running), 1);
    this.#run.mesh.remove(serviceFile(running.service));
    this.publish();
  }

  /**
   * Publishes the last generated contract of a service; undefined if it has none.
   *
   * @throws CommandError when the project has no contract of that name.
   */
  contractOf({ contract, namespace, file, elsewhere }: ServiceManifest): PublishedContract | undefined {
    if (contract === undefined) return undefined;
    const own = generatedContracts(this.#project).find(({ logicalName }) => logicalName === contract);
    const descriptorFile = elsewhere ? elsewhere.descriptorFile : own?.descriptorFile;
    const hash = descriptorFile && this.#run.mesh.publishContract(namespace, descriptorFile);
    if (!descriptorFile || !hash) {
      throw new CommandError(`there is no contract ${contract}; write it, or correct contract in ${file}`);
    }
    const descriptorSet = readFileSync(descriptorFile);
    return { hash, descriptorSet, calls: contractCalls(descriptorSet, contract) };
  }

  /** Publishes the shared entries of all services, and removes contracts that no replica runs anymore. */
  publish(): void {
    const tracing = tracingEndpoint(process.env.OTEL_EXPORTER_OTLP_ENDPOINT);
    const services = this.#all.map(({ service }) => service);
    const packages = [...packageOwnership(services), { namespace: edgeNamespace, protoPackage: 'edge' }];
    this.#run.mesh.write('mesh.yaml', meshConfigYaml(packages, tracing));
    this.#run.mesh.keepContracts(
      this.#all.flatMap(({ service: { namespace }, contracts }) => contracts.map((hash) => ({ namespace, hash }))),
    );
  }

  /** Adds a problem. */
  report(problem: Trouble): void {
    this.#problems = [...this.#problems, problem];
  }

  /** Replaces what is said of a subject; undefined: nothing is wrong with it any more. */
  note(subject: string, message: string | undefined): void {
    const others = this.#problems.filter((problem) => problem.subject !== subject);
    this.#problems = message === undefined ? others : [...others, { subject, message }];
  }

  /** Removes the problems of a service that is being retried. */
  forget({ name, file }: Pick<ServiceManifest, 'name' | 'file'>): void {
    this.#problems = this.#problems.filter(({ subject }) => subject !== name && subject !== file);
  }

  #make(service: ServiceManifest): RunningService {
    const running = new RunningService(this.#run, { service, contract: this.contractOf(service) });
    this.#run.mesh.write(serviceFile(service), serviceYaml(service));
    if (this.#except.has(service.name)) {
      running.withheld = `you start its process yourself: \`${weftHere()} run ${service.name}\``;
    }
    return running;
  }
}

function serviceFile({ namespace, name }: ServiceManifest): string {
  return `services/${namespace}.${name}.yaml`;
}
