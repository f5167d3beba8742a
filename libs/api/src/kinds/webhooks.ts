// Configurations of admission webhooks, mutating and validating.
import type { MutatingWebhook, ValidatingWebhook } from "../generated/types.generated.ts";
import type { JsonObject } from "../json.ts";
import { duplicate, type FieldError, invalid, notSupported, required } from "../meta/field-error.ts";
import { dns1035Label, dns1123Subdomain } from "../meta/names.ts";
import {
  checkFailurePolicy,
  checkMatchConditions,
  checkMatchPolicy,
  checkRule,
} from "../validation/admission-rules.ts";
import { checkEnum, checkLabelSelector, checkText, type Errors } from "../validation/basics.ts";
import { type Sparse, sparse } from "../validation/sparse.ts";
import { checkWebhookClient } from "../validation/webhook-client.ts";
import { defineStrategy, type KindRules } from "./generic.ts";
import type { KindStrategy } from "./strategy.ts";

const timeoutSecondsMax = 30;
const sideEffectClasses = ["None", "NoneOnDryRun"];
/** Versions of the review that this API server can send. */
const reviewVersions = ["v1", "v1beta1"];
const segmentsMin = 3;

const shared: KindRules = {
  namespaced: false,
  metaPasses: ["object"],
  generationFields: ["webhooks"],
  validate: validateWebhooks,
};
export const mutatingWebhookConfigurations: KindStrategy = defineStrategy(shared);
export const validatingWebhookConfigurations: KindStrategy = defineStrategy(shared);

/** `reinvocationPolicy` is the mutating ones' alone. */
type Webhook = Sparse<MutatingWebhook> | (Sparse<ValidatingWebhook> & { readonly reinvocationPolicy?: undefined });

function validateWebhooks(object: JsonObject): readonly FieldError[] {
  const { webhooks = [] } = sparse<{ readonly webhooks?: readonly MutatingWebhook[] }>(object);
  const errors: Errors = [];
  const names = webhooks.map(({ name = "" }) => name);
  webhooks.forEach((webhook, i) => {
    const path = `webhooks[${i}]`;
    checkWebhook(errors, path, webhook);
    checkReviewVersions(errors, `${path}.admissionReviewVersions`, webhook.admissionReviewVersions ?? []);
    const name = names[i] ?? "";
    if (name !== "" && names.indexOf(name) < i) errors.push(duplicate(`${path}.name`, name));
  });
  return errors;
}

function checkWebhook(errors: Errors, path: string, webhook: Webhook): void {
  const { name = "", sideEffects, timeoutSeconds = timeoutSecondsMax } = webhook;
  checkFullName(errors, `${path}.name`, name);
  checkLabelSelector(errors, `${path}.namespaceSelector`, webhook.namespaceSelector);
  checkLabelSelector(errors, `${path}.objectSelector`, webhook.objectSelector);
  if (sideEffects === undefined) {
    errors.push(required(`${path}.sideEffects`, `must specify one of ${sideEffectClasses.join(", ")}`));
  }
  checkFailurePolicy(errors, `${path}.failurePolicy`, webhook.failurePolicy);
  checkMatchPolicy(errors, `${path}.matchPolicy`, webhook.matchPolicy);
  if (sideEffects !== undefined) {
    checkEnum(errors, `${path}.sideEffects`, sideEffects, sideEffectClasses, "unsupported");
  }
  if (timeoutSeconds < 1 || timeoutSeconds > timeoutSecondsMax) {
    const text = `the timeout value must be between 1 and ${timeoutSecondsMax} seconds`;
    errors.push(invalid(`${path}.timeoutSeconds`, timeoutSeconds, text));
  }
  (webhook.rules ?? []).forEach((rule, i) => checkRule(errors, `${path}.rules[${i}]`, rule));
  const policy = webhook.reinvocationPolicy;
  if (policy !== undefined && policy !== "Never" && policy !== "IfNeeded") {
    errors.push(notSupported(`${path}.reinvocationPolicy`, policy, ["IfNeeded", "Never"]));
  }
  checkWebhookClient(errors, `${path}.clientConfig`, webhook.clientConfig ?? {});
  checkMatchConditions(errors, `${path}.matchConditions`, webhook.matchConditions ?? []);
}

/** `name.example.com`: a webhook's name says whose it is. */
function checkFullName(errors: Errors, path: string, name: string): void {
  if (name === "") {
    errors.push(required(path));
    return;
  }
  const texts = dns1123Subdomain(name);
  for (const text of texts) errors.push(invalid(path, name, text));
  if (texts.length === 0 && name.split(".").length < segmentsMin) {
    errors.push(invalid(path, name, "should be a domain with at least three segments separated by dots"));
  }
}

function checkReviewVersions(errors: Errors, path: string, versions: readonly string[]): void {
  if (versions.length === 0) {
    errors.push(required(path, `must specify one of ${reviewVersions.join(", ")}`));
    return;
  }
  versions.forEach((version, i) => {
    if (versions.indexOf(version) < i) errors.push(invalid(`${path}[${i}]`, version, "duplicate version"));
    checkText(errors, `${path}[${i}]`, version, dns1035Label);
  });
  if (!versions.some((version) => reviewVersions.includes(version))) {
    errors.push(invalid(path, versions, `must include at least one of ${reviewVersions.join(", ")}`));
  }
}
