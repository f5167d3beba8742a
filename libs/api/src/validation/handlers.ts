// Probes and lifecycle hooks: what the kubelet does to a container beside running it.
import type { Lifecycle, LifecycleHandler, Probe } from "../generated/types.generated.ts";
import { forbidden, invalid, required } from "../meta/field-error.ts";
import { httpHeaderName } from "../meta/names.ts";
import { checkEnum, checkNonNegative, checkPort, checkPortOrName, type Errors } from "./basics.ts";

type Handler = LifecycleHandler & Pick<Probe, "grpc">;
/** In this order: the first one that is there is judged, the others are too many. */
const handlerKinds = ["exec", "httpGet", "tcpSocket", "grpc", "sleep"] as const;

export function checkLifecycle(
  errors: Errors,
  path: string,
  lifecycle: Lifecycle | undefined,
  graceSeconds: number | undefined,
): void {
  for (const hook of ["postStart", "preStop"] as const) {
    const handler = lifecycle?.[hook];
    if (handler !== undefined) checkHandler(errors, `${path}.${hook}`, handler, graceSeconds);
  }
}

export type ProbeRole = "liveness" | "readiness" | "startup";

export function checkProbe(
  errors: Errors,
  path: string,
  probe: Probe | undefined,
  { role, graceSeconds }: { readonly role: ProbeRole; readonly graceSeconds: number | undefined },
): void {
  if (probe === undefined) return;
  checkHandler(errors, path, probe, graceSeconds);
  for (const field of [
    "initialDelaySeconds",
    "timeoutSeconds",
    "periodSeconds",
    "successThreshold",
    "failureThreshold",
  ] as const) {
    checkNonNegative(errors, `${path}.${field}`, probe[field]);
  }
  const grace = probe.terminationGracePeriodSeconds;
  if (grace !== undefined && grace <= 0) {
    errors.push(invalid(`${path}.terminationGracePeriodSeconds`, grace, "must be greater than 0"));
  }
  if (role !== "readiness") {
    if ((probe.successThreshold ?? 0) !== 1) {
      errors.push(invalid(`${path}.successThreshold`, probe.successThreshold ?? 0, "must be 1"));
    }
  } else if (grace !== undefined) {
    errors.push(invalid(`${path}.terminationGracePeriodSeconds`, grace, "must not be set for readinessProbes"));
  }
}

function checkHandler(errors: Errors, path: string, handler: Handler, graceSeconds: number | undefined): void {
  const [kind, ...others] = handlerKinds.filter((one) => handler[one] !== undefined);
  if (kind === undefined) errors.push(required(path, "must specify a handler type"));
  else checkAction(errors, `${path}.${kind}`, kind, handler, graceSeconds);
  for (const extra of others) errors.push(forbidden(`${path}.${extra}`, "may not specify more than 1 handler type"));
}

function checkAction(
  errors: Errors,
  path: string,
  kind: (typeof handlerKinds)[number],
  handler: Handler,
  graceSeconds: number | undefined,
): void {
  switch (kind) {
    case "exec":
      if ((handler.exec?.command ?? []).length === 0) errors.push(required(`${path}.command`));
      break;
    case "httpGet":
      checkHttpGet(errors, path, handler.httpGet ?? {});
      break;
    case "tcpSocket":
      checkPortOrName(errors, `${path}.port`, handler.tcpSocket?.port);
      break;
    case "grpc":
      checkPort(errors, `${path}.port`, handler.grpc?.port);
      break;
    case "sleep": {
      const seconds = handler.sleep?.seconds ?? 0;
      // A bad grace period is reported where it stands.
      if (graceSeconds === undefined || (seconds >= 0 && seconds <= graceSeconds)) break;
      const text = `must be non-negative and less than terminationGracePeriodSeconds (${graceSeconds})`;
      errors.push(invalid(path, seconds, text));
    }
  }
}

function checkHttpGet(errors: Errors, path: string, get: Partial<NonNullable<Handler["httpGet"]>>): void {
  if ((get.path ?? "") === "") errors.push(required(`${path}.path`));
  checkPortOrName(errors, `${path}.port`, get.port);
  checkEnum(errors, `${path}.scheme`, get.scheme, ["HTTP", "HTTPS"], "unsupported");
  for (const { name = "" } of (get.httpHeaders ?? []) as readonly { readonly name?: string }[]) {
    for (const text of httpHeaderName(name)) errors.push(invalid(`${path}.httpHeaders`, name, text));
  }
}
