// Defaults of containers, init containers and ephemeral containers, their probes, hooks and environment.
import type { MutableObject } from "../meta/mutable.ts";
import { objectIn, objectsIn, setDefaults } from "./set.ts";

export function defaultContainer(container: MutableObject): void {
  setDefaults(container, {
    terminationMessagePath: "/dev/termination-log",
    terminationMessagePolicy: "File",
    imagePullPolicy: pullPolicyOf(container["image"]),
  });
  for (const port of objectsIn(container, "ports")) setDefaults(port, { protocol: "TCP" });
  for (const probe of ["livenessProbe", "readinessProbe", "startupProbe"]) defaultProbe(objectIn(container, probe));
  const lifecycle = objectIn(container, "lifecycle");
  for (const hook of ["postStart", "preStop"]) {
    const handler = lifecycle === undefined ? undefined : objectIn(lifecycle, hook);
    if (handler !== undefined) defaultHandler(handler);
  }
  for (const variable of objectsIn(container, "env")) {
    const source = objectIn(variable, "valueFrom");
    if (source === undefined) continue;
    defaultFieldRef(source);
    const file = objectIn(source, "fileKeyRef");
    if (file !== undefined) setDefaults(file, { optional: false });
  }
}

/** `latest`, said or meant, is pulled each time; any other tag, or a digest alone, once. */
export function pullPolicyOf(image: unknown): "Always" | "IfNotPresent" {
  const text = typeof image === "string" ? image : "";
  const at = text.indexOf("@");
  const name = at < 0 ? text : text.slice(0, at);
  const colon = name.lastIndexOf(":");
  const tag = colon > name.lastIndexOf("/") ? name.slice(colon + 1) : "";
  if (tag === "") return at < 0 ? "Always" : "IfNotPresent";
  return tag === "latest" ? "Always" : "IfNotPresent";
}

/** A field reference of the downward API, in an environment variable or in a volume. */
export function defaultFieldRef(holder: MutableObject): void {
  const fieldRef = objectIn(holder, "fieldRef");
  if (fieldRef !== undefined) setDefaults(fieldRef, { apiVersion: "v1" });
}

function defaultProbe(probe: MutableObject | undefined): void {
  if (probe === undefined) return;
  const atLeastSet: Readonly<Record<string, number>> = {
    timeoutSeconds: 1,
    periodSeconds: 10,
    successThreshold: 1,
    failureThreshold: 3,
  };
  for (const [key, value] of Object.entries(atLeastSet))
    if (probe[key] === undefined || probe[key] === 0) probe[key] = value;
  defaultHandler(probe);
}

function defaultHandler(handler: MutableObject): void {
  const httpGet = objectIn(handler, "httpGet");
  if (httpGet !== undefined) setDefaults(httpGet, { path: "/", scheme: "HTTP" });
  const grpc = objectIn(handler, "grpc");
  if (grpc !== undefined) setDefaults(grpc, { service: "" });
}
