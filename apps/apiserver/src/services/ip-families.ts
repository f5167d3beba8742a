// IP families of a service on a cluster that has IPv4 only.
import { childOf, type FieldError, invalid, listAt, type MutableObject, textAt } from "@triarch/api";

/** Sets families, policy and `clusterIPs` in step with `clusterIP`; says what this cluster can't do. */
export function setFamilies(service: MutableObject): FieldError[] {
  const spec = childOf(service, "spec");
  if (textAt(spec, "type") === "ExternalName") {
    for (const key of ["ipFamilies", "ipFamilyPolicy", "internalTrafficPolicy"]) delete spec[key];
    return [];
  }
  const errors: FieldError[] = [];
  if (textAt(spec, "ipFamilyPolicy") === "RequireDualStack") {
    errors.push(
      invalid("spec.ipFamilyPolicy", "RequireDualStack", "this cluster is not configured for dual-stack services"),
    );
  }
  listAt(spec, "ipFamilies").forEach((family, i) => {
    if (family === "IPv6") errors.push(invalid(`spec.ipFamilies[${i}]`, "IPv6", "not configured on this cluster"));
  });
  if (errors.length > 0) return errors;
  spec["ipFamilies"] = ["IPv4"];
  spec["ipFamilyPolicy"] ??= "SingleStack";
  const address = textAt(spec, "clusterIP");
  if (address !== "") spec["clusterIPs"] = [address];
  else {
    const first = listAt(spec, "clusterIPs")[0];
    if (typeof first === "string" && first !== "") spec["clusterIP"] = first;
  }
  return [];
}
