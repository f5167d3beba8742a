// What a claim to devices says: which requests, which devices each takes, how they hang together, what is configured.
import type {
  DeviceClaim,
  DeviceRequest,
  DeviceSelector,
  DeviceSubRequest,
  DeviceToleration,
  ExactDeviceRequest,
  OpaqueDeviceConfiguration,
} from "../generated/types.generated.ts";
import type { JsonValue } from "../json.ts";
import { invalid, notSupported, required, tooLong } from "../meta/field-error.ts";
import { isObject } from "../meta/mutable.ts";
import { dns1123Label, dns1123Subdomain, labelKey, labelValue } from "../meta/names.ts";
import { checkEnum, checkText, type Errors } from "./basics.ts";
import { celProblem } from "./cel-syntax.ts";
import { checkFullAttributeName } from "./device-names.ts";
import { checkItems, checkSet } from "./lists.ts";
import type { Sparse } from "./sparse.ts";
import { checkDriverName } from "./volume-sources.ts";

const selectorsMax = 32;
export const configsMax = 32;
const requestsMax = 32;
const constraintsMax = 32;
const subRequestsMax = 8;
const expressionLengthMax = 10 * 1024;
const parametersLengthMax = 10 * 1024;
/** What a taint does to claims, and what a claim may tolerate. */
export const deviceTaintEffects = ["NoExecute", "NoSchedule", "None"];
const referenceText =
  "must be the name of a request in the claim or the name of a request and a subrequest separated by '/'";

/** The names of a claim's requests, each with those of the alternatives below it. */
export type RequestNames = ReadonlyMap<string, ReadonlySet<string>>;

export function checkClaim(errors: Errors, path: string, claim: Sparse<DeviceClaim>): void {
  const { requests = [], constraints = [], config = [] } = claim;
  const names = requestNames(claim);
  checkSet(errors, `${path}.requests`, requests, {
    max: requestsMax,
    keyOf: ({ name = "" }) => name,
    check: (request, at) => checkRequest(errors, at, request),
  });
  checkItems(errors, `${path}.constraints`, constraints, {
    max: constraintsMax,
    check: ({ requests: chosen = [], matchAttribute, distinctAttribute }, at) => {
      checkReferences(errors, `${at}.requests`, chosen, names);
      if (matchAttribute !== undefined) checkFullAttributeName(errors, `${at}.matchAttribute`, matchAttribute);
      else if (distinctAttribute !== undefined) {
        checkFullAttributeName(errors, `${at}.distinctAttribute`, distinctAttribute);
      } else {
        const text = 'exactly one of "matchAttribute" or "distinctAttribute" is required, but multiple fields are set';
        errors.push(required(at, text));
      }
    },
  });
  checkItems(errors, `${path}.config`, config, {
    max: configsMax,
    check: ({ requests: chosen = [], opaque }, at) => {
      checkReferences(errors, `${at}.requests`, chosen, names);
      checkOpaque(errors, `${at}.opaque`, opaque);
    },
  });
}

function checkRequest(errors: Errors, path: string, request: Sparse<DeviceRequest>): void {
  const { name = "", exactly, firstAvailable = [] } = request;
  checkText(errors, `${path}.name`, name, dns1123Label);
  if (exactly === undefined && firstAvailable.length === 0) {
    errors.push(required(path, "exactly one of `exactly` or `firstAvailable` is required"));
  } else if (exactly !== undefined && firstAvailable.length > 0) {
    const text = "exactly one of `exactly` or `firstAvailable` is required, but multiple fields are set";
    errors.push(invalid(path, undefined, text));
  } else if (exactly !== undefined) {
    checkWanted(errors, `${path}.exactly`, exactly);
  } else {
    checkSet(errors, `${path}.firstAvailable`, firstAvailable, {
      max: subRequestsMax,
      keyOf: (one) => one.name ?? "",
      check: (one, at) => {
        checkText(errors, `${at}.name`, one.name ?? "", dns1123Label);
        checkWanted(errors, at, one);
      },
    });
  }
}

/** Which devices, and how many. */
function checkWanted(
  errors: Errors,
  path: string,
  wanted: Sparse<ExactDeviceRequest> | Sparse<DeviceSubRequest>,
): void {
  const { deviceClassName = "", selectors = [], allocationMode = "", count = 0, tolerations = [] } = wanted;
  if (deviceClassName === "") errors.push(required(`${path}.deviceClassName`));
  else checkText(errors, `${path}.deviceClassName`, deviceClassName, dns1123Subdomain);
  checkSelectors(errors, `${path}.selectors`, selectors);
  if (allocationMode === "All") {
    if (count !== 0) {
      errors.push(invalid(`${path}.count`, count, "must not be specified when allocationMode is 'All'"));
    }
  } else if (allocationMode === "ExactCount") {
    if (count <= 0) errors.push(invalid(`${path}.count`, count, "must be greater than zero"));
  } else {
    errors.push(notSupported(`${path}.allocationMode`, allocationMode, ["All", "ExactCount"]));
  }
  tolerations.forEach((toleration, i) => checkToleration(errors, `${path}.tolerations[${i}]`, toleration));
}

function checkToleration(errors: Errors, path: string, toleration: Sparse<DeviceToleration>): void {
  const { key = "", operator = "", value = "", effect = "" } = toleration;
  if (key !== "") checkText(errors, `${path}.key`, key, labelKey);
  if (operator === "Exists") {
    if (value !== "") errors.push(invalid(`${path}.value`, value, "must be empty for operator `Exists`"));
  } else if (operator === "Equal") {
    checkText(errors, `${path}.value`, value, labelValue);
  } else {
    checkEnum(errors, `${path}.operator`, operator, ["Equal", "Exists"]);
  }
  checkEnum(errors, `${path}.effect`, effect, deviceTaintEffects, "allowed");
}

export function checkSelectors(errors: Errors, path: string, selectors: readonly Sparse<DeviceSelector>[]): void {
  checkItems(errors, path, selectors, { max: selectorsMax, check: (one, at) => checkSelector(errors, at, one) });
}

function checkSelector(errors: Errors, path: string, { cel }: Sparse<DeviceSelector>): void {
  if (cel === undefined) {
    errors.push(required(`${path}.cel`));
    return;
  }
  const { expression = "" } = cel;
  const field = `${path}.cel.expression`;
  if (expression.length > expressionLengthMax) {
    errors.push(tooLong(field, expressionLengthMax));
    return;
  }
  const problem = celProblem(expression);
  if (problem !== undefined) errors.push(invalid(field, expression, `compilation failed: ${problem}`));
}

export function checkOpaque(errors: Errors, path: string, opaque: Sparse<OpaqueDeviceConfiguration> | undefined): void {
  if (opaque === undefined) {
    errors.push(required(path));
    return;
  }
  checkDriverName(errors, `${path}.driver`, opaque.driver ?? "");
  checkRawObject(errors, `${path}.parameters`, opaque.parameters, parametersLengthMax);
}

/** A JSON object that only a driver understands. */
export function checkRawObject(errors: Errors, path: string, value: unknown, lengthMax: number): void {
  if (value === undefined || value === null) errors.push(required(path));
  else if (JSON.stringify(value).length > lengthMax) errors.push(tooLong(path, lengthMax));
  else if (!isObject(value as JsonValue)) {
    errors.push(invalid(path, "<value omitted>", "must be a valid JSON object"));
  }
}

export function requestNames({ requests = [] }: Sparse<DeviceClaim>): RequestNames {
  return new Map(
    requests.map(({ name = "", firstAvailable = [] }) => [name, new Set(firstAvailable.map((one) => one.name ?? ""))]),
  );
}

/** Requests that a constraint or a configuration is for; none means all. */
export function checkReferences(errors: Errors, path: string, chosen: readonly string[], names: RequestNames): void {
  checkSet(errors, path, chosen, {
    max: requestsMax,
    keyOf: (reference) => reference,
    check: (reference, at) => checkReference(errors, at, reference, names),
  });
}

/** `request`, or `request/alternative`. */
export function checkReference(errors: Errors, path: string, reference: string, names: RequestNames): void {
  const [name = "", sub, ...rest] = reference.split("/");
  if (rest.length > 0) {
    errors.push(invalid(path, reference, referenceText));
    return;
  }
  for (const part of sub === undefined ? [name] : [name, sub]) checkText(errors, path, part, dns1123Label);
  const known = names.has(name) && (sub === undefined || names.get(name)?.has(sub) === true);
  if (!known) errors.push(invalid(path, reference, referenceText));
}
