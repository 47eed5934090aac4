import { extension } from '@weft/compiler/envoy/typed-config';
import { LuaSchema } from '@weft/envoy-api/envoy/extensions/filters/http/lua/v3/lua';

/** Statistics of the listeners, and of each route configuration that a listener names. */
const statistics = encodeURIComponent('(listener_manager\\.lds|\\.rds\\..*)\\.update_(success|rejected)$');

/**
 * Answers GET /ready with 503 until the proxy has taken listeners, and the route configurations that they name. The ones for the replicas of
 * a headless service ("direct|...") are not awaited: each belongs to that service alone, which must not keep its callers from starting. Envoy opens a listener
 * whose routes it has refused, and then answers 404 to everything. `adminCluster`: Envoy's own admin interface. Once it has found all, it
 * no longer looks: Envoy keeps what it has taken.
 */
export function routesGuard(adminCluster: string) {
  const inlineString = `local complete = false
local reported

local function missing(statistics)
  local taken, refused = {}, {}
  for name, what, count in statistics:gmatch("([^\\n]+)%.update_(%a+): (%d+)") do
    if what == "success" then taken[name] = count ~= "0" else refused[name] = count ~= "0" end
  end
  if not taken["listener_manager.lds"] then
    return refused["listener_manager.lds"] and "refuses its listeners" or "waits for its listeners"
  end
  local some = false
  for name, is_taken in pairs(taken) do
    local routes = name:match("%.rds%.(.*)$")
    -- Those of a single service that others own.
    if routes and routes:match("^direct|") then routes = nil end
    if routes and not is_taken then return (refused[name] and "refuses" or "waits for") .. " its routes " .. routes end
    some = some or routes ~= nil
  end
  if not some then return "waits for its routes" end
end

function envoy_on_request(handle)
  local headers = handle:headers()
  if complete or headers:get(":method") ~= "GET" or headers:get(":path") ~= "/ready" then return end
  local ask = {[":method"] = "GET", [":path"] = "/stats?filter=${statistics}", [":authority"] = "admin"}
  local answer, body = handle:httpCall("${adminCluster}", ask, "", 2000)
  local reason = answer[":status"] == "200" and missing(body or "") or nil
  if answer[":status"] ~= "200" then reason = "does not answer" end
  if not reason then
    complete = true
    return
  end
  reason = "weft: the proxy " .. reason .. "; weft status says why"
  if reported ~= reason then
    reported = reason
    handle:logErr(reason)
  end
  handle:respond({[":status"] = "503"}, reason)
end
`;
  return extension('weft.routes', LuaSchema, {
    defaultSourceCode: { specifier: { case: 'inlineString', value: inlineString } },
  });
}
