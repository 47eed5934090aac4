import test from 'ava';
import { fillByKubelet, podId, podIp } from './bootstrap-variables.ts';

/** What the kubelet does with an argument (k8s.io/kubernetes/third_party/forked/golang/expansion). */
function expand(text: string, variables: Record<string, string>): string {
  return text.replace(/\$(\$|\((\w+)\))/g, (whole, next: string, name?: string) => {
    if (next === '$') return '$';
    return (name === undefined ? undefined : variables[name]) ?? whole;
  });
}

const variables = { POD_NAME: 'orders-0', POD_NAMESPACE: 'shop', POD_IP: '10.1.2.3', HOME: '/root' };

test('the kubelet fills in the pod’s variables', (t) => {
  t.is(expand(fillByKubelet(`${podId} at ${podIp}`), variables), 'shop/orders-0 at 10.1.2.3');
});

for (const literal of ['$(HOME)', '$(POD_NAME)', '$$(POD_NAME)', '%s+$"', '$', '$$', '$$$(', '$5']) {
  test(`${literal} of a user stays what it is`, (t) => {
    t.is(expand(fillByKubelet(literal), variables), literal);
  });
}
