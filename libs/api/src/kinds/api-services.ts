// APIServices: which server answers for a group version. Without a service it is this one.
import type { APIService, APIServiceSpec } from "../generated/types.generated.ts";
import type { JsonObject } from "../json.ts";
import { type FieldError, invalid, notSupported, required } from "../meta/field-error.ts";
import { objectAt, textAt } from "../meta/mutable.ts";
import { dns1035Label, dns1123Subdomain, pathSegment, validPort } from "../meta/names.ts";
import { checkText, type Errors } from "../validation/basics.ts";
import { sparse } from "../validation/sparse.ts";
import { defineStrategy } from "./generic.ts";
import type { KindStrategy } from "./strategy.ts";

const statuses = ["True", "False", "Unknown"];
const groupPriorityMax = 20_000;
const versionPriorityMax = 1_000;

export const apiServices: KindStrategy = defineStrategy({
  namespaced: false,
  nameCheck: pathSegment,
  initialStatus: {},
  allowUnconditionalUpdate: false,
  validate: validateService,
  validateStatus: (next) => {
    const { conditions = [] } = sparse<APIService>(next).status ?? {};
    return conditions.flatMap(({ status = "" }, i) =>
      statuses.includes(status) ? [] : [notSupported(`status.conditions[${i}].status`, status, statuses)],
    );
  },
});

function validateService(object: JsonObject): readonly FieldError[] {
  const spec = sparse<APIServiceSpec>(objectAt(object, "spec") ?? {});
  const { group = "", version = "", groupPriorityMinimum = 0, versionPriority = 0, service, caBundle = "" } = spec;
  const name = textAt(objectAt(object, "metadata"), "name");
  const wanted = `${version}.${group}`;
  const errors: Errors = [];
  if (name !== "" && name !== wanted && pathSegment(name).length === 0) {
    const text = `must be \`spec.version+"."+spec.group\`: ${JSON.stringify(wanted)}`;
    errors.push(invalid("metadata.name", name, text));
  }
  if (group === "" && version !== "v1") {
    errors.push(required("spec.group", "only v1 may have an empty group and it better be legacy kube"));
  }
  if (group !== "") checkText(errors, "spec.group", group, dns1123Subdomain);
  checkText(errors, "spec.version", version, dns1035Label);
  checkPriority(errors, "spec.groupPriorityMinimum", groupPriorityMinimum, groupPriorityMax);
  checkPriority(errors, "spec.versionPriority", versionPriority, versionPriorityMax);
  const insecure = spec.insecureSkipTLSVerify === true;
  if (service === undefined) {
    if (caBundle !== "") {
      errors.push(invalid("spec.caBundle", "<bytes>", "local APIServices may not have a caBundle"));
    }
    if (insecure) {
      const text = "local APIServices may not have insecureSkipTLSVerify";
      errors.push(invalid("spec.insecureSkipTLSVerify", true, text));
    }
    return errors;
  }
  for (const field of ["namespace", "name"] as const) {
    if ((service[field] ?? "") === "") errors.push(required(`spec.service.${field}`));
  }
  if (service.port !== undefined) {
    for (const text of validPort(service.port)) {
      errors.push(invalid("spec.service.port", service.port, `port is not valid: ${text}`));
    }
  }
  if (insecure && caBundle !== "") {
    errors.push(invalid("spec.insecureSkipTLSVerify", true, "may not be true if caBundle is present"));
  }
  return errors;
}

function checkPriority(errors: Errors, path: string, priority: number, max: number): void {
  if (priority <= 0 || priority > max) {
    errors.push(invalid(path, priority, `must be positive and less than ${max}`));
  }
}
