// How the API server reaches a webhook: by URL, or through a service of the cluster.
import { invalid, required } from "../meta/field-error.ts";
import { dns1123Subdomain, validPort } from "../meta/names.ts";
import type { Errors } from "./basics.ts";

export interface WebhookClient {
  readonly url?: string;
  readonly service?: {
    readonly name?: string;
    readonly namespace?: string;
    readonly path?: string;
    readonly port?: number;
  };
}

const wantedForm = "; desired format: https://host[/path]";
const urlPattern = /^(?:([A-Za-z][A-Za-z0-9+.-]*):)?(?:\/\/([^/?#]*))?([^?#]*)(?:\?([^#]*))?(?:#(.*))?$/;

export function checkWebhookClient(errors: Errors, path: string, { url, service }: WebhookClient): void {
  if ((url === undefined) === (service === undefined)) {
    errors.push(required(path, "exactly one of url or service is required"));
  }
  if (url !== undefined) checkUrl(errors, `${path}.url`, url);
  if (service !== undefined) checkService(errors, `${path}.service`, service);
}

function checkUrl(errors: Errors, path: string, url: string): void {
  const [, scheme = "", authority = "", , query = "", fragment = ""] = urlPattern.exec(url) ?? [];
  const host = authority.slice(authority.lastIndexOf("@") + 1);
  if (scheme !== "https") errors.push(invalid(path, scheme, `'https' is the only allowed URL scheme${wantedForm}`));
  if (host === "") errors.push(invalid(path, host, `host must be specified${wantedForm}`));
  if (authority.includes("@")) {
    errors.push(invalid(path, authority.split("@")[0] ?? "", "user information is not permitted in the URL"));
  }
  if (fragment !== "") errors.push(invalid(path, fragment, "fragments are not permitted in the URL"));
  if (query !== "") errors.push(invalid(path, query, "query parameters are not permitted in the URL"));
}

function checkService(errors: Errors, path: string, service: NonNullable<WebhookClient["service"]>): void {
  const { name = "", namespace = "", path: urlPath, port = 443 } = service;
  if (name === "") errors.push(required(`${path}.name`, "service name is required"));
  if (namespace === "") errors.push(required(`${path}.namespace`, "service namespace is required"));
  for (const text of validPort(port)) errors.push(invalid(`${path}.port`, port, `port is not valid: ${text}`));
  if (urlPath === undefined || urlPath === "/") return;
  const field = `${path}.path`;
  if (!urlPath.startsWith("/")) {
    errors.push(invalid(field, urlPath, "must start with a '/'"));
    return;
  }
  const segments = urlPath.slice(1).split("/");
  // A slash at the end is no empty segment.
  if (segments.length > 1 && segments.at(-1) === "") segments.pop();
  segments.forEach((segment, i) => {
    if (segment === "") errors.push(invalid(field, urlPath, `segment[${i}] may not be empty`));
    else for (const text of dns1123Subdomain(segment)) errors.push(invalid(field, urlPath, `segment[${i}]: ${text}`));
  });
}
