import { extension } from '@weft/compiler/envoy/typed-config';
import { marks } from '@weft/compiler/pod/marks';
import { proxyUser, readinessPort } from '@weft/compiler/pod/ports';
import type { Listener } from '@weft/envoy-api/envoy/config/listener/v3/listener';
import { FilterConfigSchema as ReverseBridgeSchema } from '@weft/envoy-api/envoy/extensions/filters/http/grpc_http1_reverse_bridge/v3/config';
import { LuaSchema } from '@weft/envoy-api/envoy/extensions/filters/http/lua/v3/lua';
import { exactly, plainListener } from './bootstrap-plain-http.ts';
import { adminCluster, toReady } from './bootstrap-ready-listener.ts';
import { routesGuard } from './bootstrap-routes-guard.ts';

const healthCheck = '/grpc.health.v1.Health/Check';

/**
 * The sidecar's readiness in a pod without interception: not while somebody else than the proxy listens on an address that other
 * pods can reach. `openPorts` may be open: the user has excluded them from the mesh.
 *
 * It is gRPC since that is the only kind of probe of which the kubelet shows the answer: the reason is in the pod's events. Envoy
 * serves no gRPC by itself, so the answer of its GET /ready is dressed as a HealthCheckResponse.
 */
export function readinessListener(openPorts: readonly number[]): Listener {
  return plainListener({
    name: 'readiness',
    port: readinessPort,
    codec: 'http2',
    filters: [
      lua('weft.exposure', exposureGuard(openPorts)),
      extension('envoy.filters.http.grpc_http1_reverse_bridge', ReverseBridgeSchema, {
        contentType: 'text/plain; charset=UTF-8',
        withholdGrpcFrames: true,
      }),
      lua('weft.ready', askReady),
      routesGuard(adminCluster),
    ],
    routes: [
      { match: exactly('POST', healthCheck), action: toReady },
      // Lua makes Envoy choose the route again.
      { match: exactly('GET', '/ready'), action: toReady },
    ],
  });
}

/** "\8\1" is HealthCheckResponse{status: SERVING}. */
const askReady = `function envoy_on_request(handle)
  handle:headers():replace(":method", "GET")
  handle:headers():replace(":path", "/ready")
end

function envoy_on_response(handle)
  local body = handle:body()
  if body and handle:headers():get(":status") == "200" then body:setBytes("\\8\\1") end
end
`;

function lua(name: string, inlineString: string) {
  return extension(name, LuaSchema, {
    defaultSourceCode: { specifier: { case: 'inlineString', value: inlineString } },
  });
}

/**
 * Reads the kernel's table of sockets, which all containers of a pod share: so it finds every port, whatever is spoken there.
 * See https://docs.kernel.org/networking/proc_net_tcp.html; 0A is LISTEN, addresses are in the host's byte order.
 */
function exposureGuard(openPorts: readonly number[]): string {
  return `local open = {${openPorts.map((port) => `[${port}] = true`).join(', ')}}
local reported

local function on_loopback(address)
  if #address == 8 then return address:sub(7) == "7F" end
  return address == "00000000000000000000000001000000" or address:match("^0000000000000000FFFF0000%x%x%x%x%x%x7F$") ~= nil
end

local function exposed_in(path)
  local file = io.open(path, "r")
  if not file then return nil end
  for line in file:lines() do
    local address, port, state, user = line:match("^%s*%d+: (%x+):(%x+) %x+:%x+ (%x+) %S+ %S+ %S+%s+(%d+)")
    if state == "0A" and user ~= "${proxyUser}" and not on_loopback(address) and not open[tonumber(port, 16)] then
      file:close()
      return tonumber(port, 16), user
    end
  end
  file:close()
end

function envoy_on_request(handle)
  -- The other table is absent where there is no IPv6.
  local file = io.open("/proc/net/tcp", "r")
  if not file then return handle:respond({[":status"] = "503"}, "weft: the proxy cannot read /proc/net/tcp, so it cannot tell who listens") end
  file:close()
  local port, user = exposed_in("/proc/net/tcp")
  if not port then port, user = exposed_in("/proc/net/tcp6") end
  if not port then
    reported = nil
    return
  end
  local reason = "weft: a process of user " .. user .. " listens on port " .. port .. " of the pod's own address, where calls pass by the mesh; " ..
    "it must listen on 127.0.0.1:" .. port .. ", or the pod name the port in ${marks.excludeInboundPorts}"
  if reported ~= reason then
    reported = reason
    handle:logErr(reason)
  end
  handle:respond({[":status"] = "503"}, reason)
end
`;
}
