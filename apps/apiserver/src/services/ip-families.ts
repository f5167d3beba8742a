// IP families of a service on a cluster that has IPv4 only.
import {
  childOf,
  type FieldError,
  invalid,
  listAt,
  type MutableObject,
  objectAt,
  type JsonObject,
  textAt,
} from "@triarch/api";

/** Fills in families, policy and the other one of `clusterIP` and `clusterIPs`; what is given stays. */
export function defaultFamilies(service: MutableObject): void {
  const spec = childOf(service, "spec");
  if (textAt(spec, "type") === "ExternalName") {
    for (const key of ["ipFamilies", "ipFamilyPolicy", "internalTrafficPolicy"]) delete spec[key];
    return;
  }
  if (listAt(spec, "ipFamilies").length === 0) spec["ipFamilies"] = ["IPv4"];
  spec["ipFamilyPolicy"] ??= "SingleStack";
  const address = textAt(spec, "clusterIP");
  const first = listAt(spec, "clusterIPs")[0];
  if (address !== "" && first === undefined) spec["clusterIPs"] = [address];
  else if (address === "" && typeof first === "string" && first !== "") spec["clusterIP"] = first;
}

/** What this cluster can't do. */
export function familyErrors(service: JsonObject): FieldError[] {
  const spec = objectAt(service, "spec") ?? {};
  if (textAt(spec, "type") === "ExternalName") return [];
  const errors: FieldError[] = [];
  if (textAt(spec, "ipFamilyPolicy") === "RequireDualStack") {
    const why = "this cluster is not configured for dual-stack services";
    errors.push(invalid("spec.ipFamilyPolicy", "RequireDualStack", why));
  }
  listAt(spec, "ipFamilies").forEach((family, i) => {
    if (family === "IPv6") errors.push(invalid(`spec.ipFamilies[${i}]`, "IPv6", "not configured on this cluster"));
  });
  return errors;
}
