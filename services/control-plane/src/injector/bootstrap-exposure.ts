import { proxyUser } from './ports.ts';

/**
 * Lua for GET /ready in a pod without interception: 503, and why, while somebody else than the proxy listens on an address that
 * other pods can reach. Calls to such a port would pass by the mesh.
 *
 * It reads the kernel's table of sockets, which all containers of a pod share, so it finds every port, whatever is spoken there.
 * `openPorts` may be open: the user has excluded them from the mesh.
 */
export function exposureGuard(openPorts: readonly number[]): string {
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
  local port, user = exposed_in("/proc/net/tcp")
  if not port then port, user = exposed_in("/proc/net/tcp6") end
  if not port then
    reported = nil
    return
  end
  local reason = "weft: a process of user " .. user .. " listens on port " .. port .. " of the pod's own address, where calls pass by the mesh; " ..
    "it must listen on 127.0.0.1:" .. port .. ", or the pod name the port in weft.dev/exclude-inbound-ports"
  if reported ~= reason then
    reported = reason
    handle:logErr(reason)
  end
  handle:respond({[":status"] = "503", ["content-type"] = "text/plain"}, reason .. "\\n")
end
`;
}
