import { Graph } from '@weft/collections';
import { typeUrls } from '@weft/compiler/envoy/resource';
import { factSources } from '@weft/compiler/facts/fact-collections';
import type { ServiceFact } from '@weft/compiler/facts/facts';
import { MeshCompiler } from '@weft/compiler/mesh-compiler';
import type { Workload } from '@weft/compiler/model/workload';

const graph = new Graph();
const { facts } = factSources(graph);
const compiler = new MeshCompiler(graph, facts);

compiler.turn(() => {
  facts.services.set('bakery/bread', service('bread'));
  facts.services.set('bakery/oven', service('oven'));
  facts.workloads.set('bakery/bread-0', replica('bread', 0, 20001));
  facts.workloads.set('bakery/oven-0', replica('oven', 0, 20002));
  compiler.connect('bakery/bread-0');
}, Date.now());
console.log([...(compiler.view('bakery/bread-0')?.names(typeUrls.cluster) ?? [])]);

const { changes } = compiler.turn(() => {
  facts.workloads.set('bakery/oven-1', replica('oven', 1, 20003));
}, Date.now());
for (const { proxies, names } of changes) console.log([...proxies], names);

function service(name: string): ServiceFact {
  return {
    namespace: 'bakery',
    name,
    selector: { app: name },
    ports: [{ port: 80, appProtocol: 'grpc' }],
    addresses: [],
    headless: false,
    origin: `${name}.yaml`,
  };
}

function replica(app: string, index: number, port: number): Workload {
  return {
    id: `bakery/${app}-${index}`,
    namespace: 'bakery',
    name: `${app}-${index}`,
    labels: { app },
    serviceAccount: app,
    spiffeId: `spiffe://weft.local/ns/bakery/sa/${app}`,
    inbound: [{ listen: { host: '127.0.0.1', port }, application: { unixSocket: `/run/${app}-${index}.sock` } }],
    outbound: { listen: { host: '127.0.0.1', port: port + 1000 } },
    ready: true,
  };
}
