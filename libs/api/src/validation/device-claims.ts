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
import { duplicate, invalid, notSupported, required, tooMany } from "../meta/field-error.ts";
import { isObject } from "../meta/mutable.ts";
import { cIdentifier, dns1123Label, dns1123Subdomain, labelKey, labelValue, type NameCheck } from "../meta/names.ts";
import { checkEnum, checkText, type Errors } from "./basics.ts";
import { celProblem } from "./cel-syntax.ts";
import type { Sparse } from "./sparse.ts";

export const selectorsMax = 32;
export const configsMax = 32;
const requestsMax = 32;
const constraintsMax = 32;
const subRequestsMax = 8;
const driverNameMax = 63;
const expressionLengthMax = 10 * 1024;
const attributeIdMax = 32;
const referenceText =
  "must be the name of a request in the claim or the name of a request and a subrequest separated by '/'";

export function checkClaim(errors: Errors, path: string, claim: Sparse<DeviceClaim>): void {
  const { requests = [], constraints = [], config = [] } = claim;
  const names = requestNames(claim);
  checkCount(errors, `${path}.requests`, requests, requestsMax);
  checkNamesOnce(errors, `${path}.requests`, requests);
  requests.forEach((request, i) => checkRequest(errors, `${path}.requests[${i}]`, request));
  checkCount(errors, `${path}.constraints`, constraints, constraintsMax);
  constraints.forEach(({ requests: chosen = [], matchAttribute, distinctAttribute }, i) => {
    const field = `${path}.constraints[${i}]`;
    checkReferences(errors, `${field}.requests`, chosen, names);
    const attribute = matchAttribute ?? distinctAttribute;
    if (attribute === undefined) {
      const text = 'exactly one of "matchAttribute" or "distinctAttribute" is required, but multiple fields are set';
      errors.push(required(field, text));
    } else {
      const at = `${field}.${matchAttribute === undefined ? "distinctAttribute" : "matchAttribute"}`;
      checkFullName(errors, at, attribute);
    }
  });
  checkCount(errors, `${path}.config`, config, configsMax);
  config.forEach(({ requests: chosen = [], opaque }, i) => {
    checkReferences(errors, `${path}.config[${i}].requests`, chosen, names);
    checkOpaque(errors, `${path}.config[${i}].opaque`, opaque);
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
    checkCount(errors, `${path}.firstAvailable`, firstAvailable, subRequestsMax);
    checkNamesOnce(errors, `${path}.firstAvailable`, firstAvailable);
    firstAvailable.forEach((one, i) => {
      checkText(errors, `${path}.firstAvailable[${i}].name`, one.name ?? "", dns1123Label);
      checkWanted(errors, `${path}.firstAvailable[${i}]`, one);
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
  checkCount(errors, `${path}.selectors`, selectors, selectorsMax);
  selectors.forEach((selector, i) => checkSelector(errors, `${path}.selectors[${i}]`, selector));
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
    if (key === "") errors.push(required(`${path}.key`));
  } else {
    checkEnum(errors, `${path}.operator`, operator, ["Equal", "Exists"]);
  }
  checkEnum(errors, `${path}.effect`, effect, ["NoExecute", "NoSchedule"], "allowed");
}

export function checkSelector(errors: Errors, path: string, { cel }: Sparse<DeviceSelector>): void {
  if (cel === undefined) {
    errors.push(required(`${path}.cel`));
    return;
  }
  const { expression = "" } = cel;
  const field = `${path}.cel.expression`;
  if (expression.length > expressionLengthMax) {
    errors.push({ type: "FieldValueTooLong", field, detail: `may not be more than ${expressionLengthMax} bytes` });
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
  const { driver = "", parameters } = opaque;
  checkDriver(errors, `${path}.driver`, driver);
  if (parameters === undefined) errors.push(required(`${path}.parameters`));
  else if (!isObject(parameters)) {
    errors.push(invalid(`${path}.parameters`, "<value omitted>", "must be a valid JSON object"));
  }
}

export function checkDriver(errors: Errors, path: string, driver: string): void {
  if (driver === "") errors.push(required(path));
  else {
    if (driver.length > driverNameMax) {
      errors.push({ type: "FieldValueTooLong", field: path, detail: `may not be more than ${driverNameMax} bytes` });
    }
    for (const text of dns1123Subdomain(driver.toLowerCase())) errors.push(invalid(path, driver, text));
  }
}

/** `driver.example.com/attribute`: the domain may not be left out. */
function checkFullName(errors: Errors, path: string, name: string): void {
  if (name === "") errors.push(required(path));
  else if (!name.includes("/")) errors.push(invalid(path, name, "must include a domain"));
  else checkText(errors, path, name, attributeName);
}

/** The name of an attribute or a capacity: an identifier, in the driver's domain or in the one before the slash. */
export const attributeName: NameCheck = (name) => {
  const [first = "", second, ...rest] = name.split("/");
  if (name === "") return ["name required"];
  if (rest.length > 0) return ["must contain at most one slash"];
  const [domain, id] = second === undefined ? [undefined, first] : [first, second];
  return [
    ...(domain === undefined ? [] : dns1123Subdomain(domain)),
    ...(domain !== undefined && domain.length > driverNameMax ? [`may not be more than ${driverNameMax} bytes`] : []),
    ...cIdentifier(id),
    ...(id.length > attributeIdMax ? [`may not be more than ${attributeIdMax} bytes`] : []),
  ];
};

type Names = ReadonlyMap<string, ReadonlySet<string>>;

function requestNames({ requests = [] }: Sparse<DeviceClaim>): Names {
  return new Map(
    requests.map(({ name = "", firstAvailable = [] }) => [name, new Set(firstAvailable.map((one) => one.name ?? ""))]),
  );
}

function checkReferences(errors: Errors, path: string, chosen: readonly string[], names: Names): void {
  checkCount(errors, path, chosen, requestsMax);
  chosen.forEach((reference, i) => {
    const field = `${path}[${i}]`;
    if (chosen.indexOf(reference) < i) errors.push(duplicate(field, reference));
    const [name = "", sub, ...rest] = reference.split("/");
    if (rest.length === 0) {
      for (const part of sub === undefined ? [name] : [name, sub]) checkText(errors, field, part, dns1123Label);
    }
    const known = rest.length === 0 && names.has(name) && (sub === undefined || names.get(name)?.has(sub) === true);
    if (!known) errors.push(invalid(field, reference, referenceText));
  });
}

export function checkNamesOnce(errors: Errors, path: string, items: readonly { readonly name?: string }[]): void {
  const names = items.map(({ name = "" }) => name);
  names.forEach((name, i) => {
    if (names.indexOf(name) < i) errors.push(duplicate(`${path}[${i}]`, name));
  });
}

export function checkCount(errors: Errors, path: string, items: readonly unknown[], max: number): void {
  if (items.length > max) errors.push(tooMany(path, items.length, max));
}
