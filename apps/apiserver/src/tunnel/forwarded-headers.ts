// Headers that go through a proxy, and those that are of one connection only.
import type { IncomingHttpHeaders } from "node:http";

export type Headers = Record<string, string | string[]>;

/** RFC 9110, section 7.6.1; `keep-alive` and `proxy-connection` by custom. */
const hopByHop = [
  ...["connection", "keep-alive", "proxy-authenticate", "proxy-authorization", "proxy-connection"],
  ...["te", "trailer", "transfer-encoding", "upgrade"],
];
/** Who the caller is has been decided here: a pod must not get its credentials. */
const ours = ["authorization", "host", "http2-settings"];
/** What a pod says about other origins holds for the pod's own origin, not for ours. */
const crossOrigin = ["credentials", "headers", "methods", "origin"].map((part) => `access-control-allow-${part}`);

/** The host that the client named, in HTTP/1.1 or HTTP/2. */
export function hostNamed(headers: IncomingHttpHeaders): string {
  const authority = headers[":authority"];
  return headers.host ?? (typeof authority === "string" ? authority : "");
}

/** For an ordinary request. */
export function requestHeaders(headers: IncomingHttpHeaders): Headers {
  return without(headers, [...hopByHop, ...ours, "content-length", "expect"]);
}

/** For a request to upgrade: with what the upgrade needs. */
export function upgradeHeaders(headers: IncomingHttpHeaders): Headers {
  const upgrade = headers.upgrade;
  const kept = without(headers, [...hopByHop, ...ours, "content-length"]);
  return { ...kept, connection: "Upgrade", ...(upgrade === undefined ? {} : { upgrade }) };
}

export function responseHeaders(headers: IncomingHttpHeaders): Headers {
  return without(headers, [...hopByHop, ...crossOrigin]);
}

function without(headers: IncomingHttpHeaders, dropped: readonly string[]): Headers {
  const named = (headers.connection ?? "").split(",").map((name) => name.trim().toLowerCase());
  const kept: Headers = {};
  for (const [name, value] of Object.entries(headers)) {
    // Names with a colon are HTTP/2's own.
    if (value === undefined || name.startsWith(":") || dropped.includes(name) || named.includes(name)) continue;
    kept[name] = value;
  }
  return kept;
}
