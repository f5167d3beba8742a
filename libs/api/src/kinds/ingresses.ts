// Ingresses and their classes.
import type {
  Ingress,
  IngressBackend,
  IngressClass,
  IngressClassParametersReference,
  IngressRule,
} from "../generated/types.generated.ts";
import type { JsonObject } from "../json.ts";
import { type FieldError, forbidden, invalid, notSupported, required } from "../meta/field-error.ts";
import { listAt, objectAt, ownField, textAt, typed } from "../meta/mutable.ts";
import { dns1123Label, dns1123Subdomain, pathSegment, portName, regExpText } from "../meta/names.ts";
import { ipFamily, validIp } from "../validation/addresses.ts";
import { checkDomainPrefixedPath, checkPort, checkText, type Errors, immutable } from "../validation/basics.ts";
import { type Sparse, sparse } from "../validation/sparse.ts";
import { defineStrategy } from "./generic.ts";
import type { KindStrategy } from "./strategy.ts";

const classAnnotation = "kubernetes.io/ingress.class";
const controllerMax = 250;
const scopes = ["Cluster", "Namespace"];
const pathTypes = ["Exact", "ImplementationSpecific", "Prefix"];
const forbiddenInPaths = ["//", "/./", "/../", "%2f", "%2F"];
const forbiddenAtEnds = ["/..", "/."];
const wildcardPattern = "\\*\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*";
const wildcardRegExp = new RegExp(`^${wildcardPattern}$`);

export const ingresses: KindStrategy = defineStrategy({
  namespaced: true,
  generationFields: ["spec"],
  initialStatus: { loadBalancer: {} },
  validate: validateIngress,
  validateNew: (object) => {
    const { metadata, spec } = sparse<Ingress>(object);
    const [byAnnotation, byName] = [metadata?.annotations?.[classAnnotation], spec?.ingressClassName];
    if (byAnnotation === undefined || byName === undefined || byAnnotation === byName) return [];
    const text = "must match `ingressClassName` when both are specified";
    return [invalid(`annotations.${classAnnotation}`, byAnnotation, text)];
  },
  validateStatus: validateBalancer,
});

function validateIngress(object: JsonObject): readonly FieldError[] {
  const { rules = [], defaultBackend, tls = [], ingressClassName } = sparse<Ingress>(object).spec ?? {};
  const errors: Errors = [];
  if (rules.length === 0 && defaultBackend === undefined) {
    const shown = ownField(objectAt(object, "spec") ?? {}, "rules");
    errors.push(invalid("spec", shown, "either `defaultBackend` or `rules` must be specified"));
  }
  if (defaultBackend !== undefined) checkBackend(errors, "spec.defaultBackend", defaultBackend);
  rules.forEach((rule, i) => checkRule(errors, `spec.rules[${i}]`, rule));
  tls.forEach(({ hosts = [], secretName = "" }, i) => {
    hosts.forEach((host, j) => checkText(errors, `spec.tls[${i}].hosts[${j}]`, host, hostName));
    if (secretName !== "") checkText(errors, `spec.tls[${i}].secretName`, secretName, dns1123Subdomain);
  });
  if (ingressClassName !== undefined) checkText(errors, "spec.ingressClassName", ingressClassName, dns1123Subdomain);
  return errors;
}

function checkRule(errors: Errors, path: string, { host = "", http }: Sparse<IngressRule>): void {
  if (ipFamily(host) !== undefined) errors.push(invalid(`${path}.host`, host, "must be a DNS name, not an IP address"));
  if (host !== "") checkText(errors, `${path}.host`, host, hostName);
  if (http === undefined) return;
  const { paths = [] } = http;
  if (paths.length === 0) errors.push(required(`${path}.http.paths`));
  paths.forEach(({ path: value = "", pathType, backend = {} }, i) => {
    const field = `${path}.http.paths[${i}]`;
    if (pathType === undefined) {
      errors.push(required(`${field}.pathType`, "pathType must be specified"));
      return;
    }
    checkPath(errors, field, value, pathType);
    checkBackend(errors, `${field}.backend`, backend);
  });
}

function checkPath(errors: Errors, path: string, value: string, pathType: string): void {
  if (!pathTypes.includes(pathType)) {
    errors.push(notSupported(`${path}.pathType`, pathType, pathTypes));
    return;
  }
  const field = `${path}.path`;
  const anyForm = pathType === "ImplementationSpecific";
  if (!value.startsWith("/") && !(anyForm && value === "")) {
    errors.push(invalid(field, value, "must be an absolute path"));
  }
  if (anyForm) return;
  for (const part of forbiddenInPaths) {
    if (value.includes(part)) errors.push(invalid(field, value, `must not contain '${part}'`));
  }
  for (const end of forbiddenAtEnds) {
    if (value.endsWith(end)) errors.push(invalid(field, value, `cannot end with '${end}'`));
  }
}

function checkBackend(errors: Errors, path: string, { resource, service }: Sparse<IngressBackend>): void {
  if (resource !== undefined && service !== undefined) {
    errors.push(invalid(path, "", "cannot set both resource and service backends"));
  } else if (resource !== undefined) {
    checkReference(errors, `${path}.resource`, resource);
  } else if (service !== undefined) {
    const { name = "", port: { name: byName = "", number: byNumber = 0 } = {} } = service;
    if (name === "") errors.push(required(`${path}.service.name`));
    else checkText(errors, `${path}.service.name`, name, dns1123Label);
    if (byName !== "" && byNumber !== 0) errors.push(invalid(path, "", "cannot set both port name & port number"));
    else if (byName !== "") checkText(errors, `${path}.service.port.name`, byName, portName);
    else if (byNumber !== 0) checkPort(errors, `${path}.service.port.number`, byNumber);
    else errors.push(required(path, "port name or number is required"));
  } else {
    errors.push(invalid(path, "", "resource or service backend is required"));
  }
}

interface Reference {
  readonly apiGroup?: string;
  readonly kind?: string;
  readonly name?: string;
}

/** A reference to an object of any kind, by group, kind and name. */
function checkReference(errors: Errors, path: string, { apiGroup, kind = "", name = "" }: Reference): void {
  if (apiGroup !== undefined) checkText(errors, `${path}.apiGroup`, apiGroup, dns1123Subdomain);
  for (const [field, value] of [
    ["kind", kind],
    ["name", name],
  ] as const) {
    if (value === "") errors.push(required(`${path}.${field}`));
    else checkText(errors, `${path}.${field}`, value, pathSegment);
  }
}

/** A host, or all hosts below one: `*.example.com`. */
function hostName(host: string): readonly string[] {
  if (!host.includes("*")) return dns1123Subdomain(host);
  const text =
    "a wildcard DNS-1123 subdomain must start with '*.', followed by a valid DNS subdomain, which must consist of lower case alphanumeric characters, '-' or '.' and end with an alphanumeric character";
  return wildcardRegExp.test(host) ? [] : [regExpText(text, wildcardPattern, "*.example.com")];
}

function validateBalancer(next: JsonObject): readonly FieldError[] {
  const balancer = objectAt(objectAt(next, "status") ?? {}, "loadBalancer") ?? {};
  const errors: Errors = [];
  (listAt(balancer, "ingress") as readonly JsonObject[]).forEach((entry, i) => {
    const { ip = "", hostname = "" } = typed<{ ip?: string; hostname?: string }>(entry);
    const path = `status.loadBalancer.ingress[${i}]`;
    if (ip !== "") checkText(errors, `${path}.ip`, ip, validIp);
    if (hostname === "") return;
    checkText(errors, `${path}.hostname`, hostname, dns1123Subdomain);
    if (ipFamily(hostname) !== undefined) {
      errors.push(invalid(`${path}.hostname`, hostname, "must be a DNS name, not an IP address"));
    }
  });
  return errors;
}

export const ingressClasses: KindStrategy = defineStrategy({
  namespaced: false,
  generationFields: ["spec"],
  changesFirst: true,
  validate: (object) => {
    const { controller = "", parameters } = sparse<IngressClass>(object).spec ?? {};
    const errors: Errors = [];
    checkController(errors, "spec.controller", controller);
    if (parameters === undefined) return errors;
    const path = "spec.parameters";
    checkReference(errors, path, parameters);
    checkScope(errors, path, parameters);
    return errors;
  },
  validateChange: (next, old) => {
    const [controller, before] = [next, old].map((object) => textAt(objectAt(object, "spec"), "controller"));
    return controller === before ? [] : [immutable("spec.controller", controller)];
  },
});

/** Parameters stand in a namespace, which is then named, or in none. */
function checkScope(errors: Errors, path: string, { scope, namespace }: Sparse<IngressClassParametersReference>): void {
  if (scope === undefined) errors.push(required(`${path}.scope`));
  else if (!scopes.includes(scope)) errors.push(notSupported(`${path}.scope`, scope, scopes));
  else if (scope === "Cluster" && namespace !== undefined) {
    errors.push(forbidden(`${path}.namespace`, "`parameters.scope` is set to 'Cluster'"));
  } else if (scope === "Namespace" && namespace === undefined) {
    errors.push(required(`${path}.namespace`, "`parameters.scope` is set to 'Namespace'"));
  } else if (namespace !== undefined) checkText(errors, `${path}.namespace`, namespace, dns1123Label);
}

/** Who serves the class: `example.com/name`. */
function checkController(errors: Errors, path: string, value: string): void {
  if (value.length > controllerMax) {
    errors.push({ type: "FieldValueTooLong", field: path, detail: `may not be more than ${controllerMax} bytes` });
  }
  if (value === "") errors.push(required(path));
  else checkDomainPrefixedPath(errors, path, value);
}
