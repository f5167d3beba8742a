// Kinds with nothing special but what this table says: metadata is checked, spec and status are kept apart.
import { required } from "../meta/field-error.ts";
import { deepEqual, numberAt, objectAt } from "../meta/mutable.ts";
import { checkNonNegative, type Errors, immutable } from "../validation/basics.ts";
import { validatePodTemplate } from "../validation/pod-template.ts";
import type { KindRules } from "./generic.ts";
import { dropUnservedTemplateFields } from "./pod-preparation.ts";

type PlainRules = Partial<Omit<KindRules, "namespaced">>;

/** By `group/resource`, the core group's without group: `/pods`. */
export const plainKinds: Readonly<Record<string, PlainRules>> = {
  "/podtemplates": {
    generationFields: ["template"],
    metaPasses: ["change"],
    prepareCreate: (object) => dropUnservedTemplateFields(object),
    prepareUpdate: (next, old) => dropUnservedTemplateFields(next, old),
    validate: (object) => validatePodTemplate(objectAt(object, "template") ?? {}, "template"),
  },
  "apps/controllerrevisions": {
    allowUnconditionalUpdate: false,
    validate: (object) => {
      const errors: Errors = [];
      checkNonNegative(errors, "revision", numberAt(object, "revision"));
      return errors;
    },
    validateNew: (object) => (objectAt(object, "data") === undefined ? [required("data", "data is mandatory")] : []),
    validateChange: (next, old) => {
      const data = objectAt(next, "data");
      return deepEqual(data, objectAt(old, "data")) ? [] : [immutable("data", data)];
    },
  },
};
