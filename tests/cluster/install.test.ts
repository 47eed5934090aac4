import { networkInterfaces } from 'node:os';
import { findGrpcurl, grpcurl } from '../grpcurl.ts';
import { startOtlpReceiver } from '../otlp-receiver.ts';
import { goodOrder, shopAt } from '../shop.ts';
import { clusterTest, nodeAddress } from './cluster.ts';
import { helm, run } from './command.ts';
import { install, uninstall } from './installation.ts';

interface JsonOrder {
  readonly order: { readonly orderId: string; readonly status: string };
}

clusterTest(
  'helm install of both charts on an empty cluster: orders by gRPC, grpcurl and curl, one trace, helm test',
  async (t) => {
    t.timeout(14 * 60_000);
    await uninstall();
    // Pods reach a collector on this machine only where this machine is their node.
    const node = await nodeAddress();
    const here = Object.values(networkInterfaces()).some((all) => all?.some(({ address }) => address === node));
    const collector = here ? await startOtlpReceiver(node) : undefined;
    try {
      const { edge } = await install(
        collector
          ? { 'mesh.tracing.host': node, 'mesh.tracing.port': collector.port, 'mesh.tracing.samplingPercent': 100 }
          : {},
        collector ? { 'service.telemetry.endpoint': `http://${node}:${collector.port}` } : {},
      );
      const binary = findGrpcurl();
      if (binary) {
        const address = new URL(edge).host;
        t.regex(await grpcurl(binary, address, 'list'), /^shop\.orders\.v1\.OrderService$/m);
        const order = JSON.stringify(goodOrder());
        const answer: JsonOrder = JSON.parse(
          await grpcurl(binary, '-d', order, address, 'shop.orders.v1.OrderService/PlaceOrder'),
        );
        t.is(answer.order.status, 'ORDER_STATUS_CONFIRMED');
      } else {
        t.log('there is no grpcurl on PATH');
      }
      const json = ['-H', 'content-type: application/json', '-d', JSON.stringify(goodOrder())];
      const rest: JsonOrder = JSON.parse(await run('curl', ['-sS', '--fail-with-body', ...json, `${edge}/v1/orders`]));
      t.is(rest.order.status, 'ORDER_STATUS_CONFIRMED');
      await shopAt(edge).orders.getOrder({ orderId: rest.order.orderId });
      if (collector) {
        // Each process tells of its own spans when it sees fit.
        const names = ['shop.catalog', 'shop.inventory', 'shop.payments', 'shop.orders', 'edge'];
        const trace = await collector.trace((spans) =>
          names.every((name) => spans.some(({ service }) => service.includes(name))),
        );
        t.log(`one trace of ${trace.length} spans`);
      }
      t.regex(await helm('test', 'weft', '-n', 'weft-system', '--timeout', '3m'), /Phase:\s+Succeeded/);
      t.regex(await helm('test', 'shop', '-n', 'shop', '--timeout', '3m'), /Phase:\s+Succeeded/);
    } finally {
      await uninstall();
      await collector?.close();
    }
  },
);
