// The status of a claim to devices: who uses it, which devices it was given, and what drivers say of them.
import type {
  AllocatedDeviceStatus,
  AllocationResult,
  DeviceRequestAllocationResult,
  NetworkDeviceData,
  NodeSelectorTerm,
  ResourceClaimStatus,
  ResourceV1ResourceClaim,
} from "../generated/types.generated.ts";
import type { JsonObject } from "../json.ts";
import { type FieldError, forbidden, invalid, required, tooLong, tooMany } from "../meta/field-error.ts";
import { objectAt, ownField, semanticEqual } from "../meta/mutable.ts";
import { dns1123Label } from "../meta/names.ts";
import { interfaceAddress } from "./addresses.ts";
import { checkEnum, checkText, type Errors, immutable } from "./basics.ts";
import { goStruct } from "./changes.ts";
import { checkConditions } from "./conditions.ts";
import {
  checkOpaque,
  checkRawObject,
  checkReference,
  checkReferences,
  configsMax,
  requestNames,
  type RequestNames,
} from "./device-claims.ts";
import { checkPoolName, checkShareId } from "./device-names.ts";
import { checkItems, checkSet } from "./lists.ts";
import { checkNodeSelector } from "./scheduling.ts";
import { checkBinding } from "./slice-devices.ts";
import { type Sparse, sparse } from "./sparse.ts";
import { checkDriverName } from "./volume-sources.ts";

const reservedForMax = 256;
const resultsMax = 32;
const conditionsMax = 8;
const dataLengthMax = 10 * 1024;
const interfaceNameMax = 256;
const hardwareAddressMax = 128;
const addressesMax = 16;

export function validateClaimStatus(next: JsonObject, old: JsonObject): readonly FieldError[] {
  const status = sparse<ResourceClaimStatus>(objectAt(next, "status") ?? {});
  const { devices = [], allocation } = status;
  const errors: Errors = [];
  checkConsumers(errors, status);
  const allocated = new Set((allocation?.devices?.results ?? []).map(deviceKey));
  checkSet(errors, "status.devices", devices, {
    max: Number.POSITIVE_INFINITY,
    keyOf: deviceKey,
    check: (device, at) => checkDeviceStatus(errors, at, device, allocated),
  });
  checkReserved(errors, status, [next, old]);
  const [now, before] = [next, old].map((object) => objectAt(objectAt(object, "status") ?? {}, "allocation"));
  if (now === undefined) return errors;
  if (before === undefined) {
    const names = requestNames(sparse<ResourceV1ResourceClaim>(next).spec?.devices ?? {});
    checkAllocation(errors, "status.allocation", sparse<AllocationResult>(now), names);
  } else if (!semanticEqual(now, before)) {
    errors.push(immutable("status.allocation", goStruct("io.k8s.api.resource.v1.AllocationResult", now)));
  }
  return errors;
}

function checkConsumers(errors: Errors, { reservedFor = [] }: Sparse<ResourceClaimStatus>): void {
  checkSet(errors, "status.reservedFor", reservedFor, {
    max: reservedForMax,
    keyOf: ({ uid = "" }) => uid,
    check: (consumer, at) => {
      for (const field of ["resource", "name", "uid"] as const) {
        if ((consumer[field] ?? "") === "") errors.push(required(`${at}.${field}`));
      }
    },
  });
}

/** Only an allocated claim is used, and one that is being deleted gets no new users. */
function checkReserved(
  errors: Errors,
  { reservedFor = [], allocation }: Sparse<ResourceClaimStatus>,
  [next, old]: readonly [next: JsonObject, old: JsonObject],
): void {
  if (reservedFor.length === 0) return;
  const field = "status.reservedFor";
  if (allocation === undefined) {
    errors.push(forbidden(field, "may not be specified when `allocated` is not set"));
    return;
  }
  if (ownField(objectAt(next, "metadata") ?? {}, "deletionTimestamp") === undefined) return;
  const before = sparse<ResourceClaimStatus>(objectAt(old, "status") ?? {}).reservedFor ?? [];
  const known = (one: JsonObject): boolean => before.some((other) => semanticEqual({ ...other }, one));
  if (reservedFor.every((one) => known({ ...one }))) return;
  const text = "new entries may not be added while `deallocationRequested` or `deletionTimestamp` are set";
  errors.push(forbidden(field, text));
}

interface DeviceId {
  readonly driver?: string;
  readonly pool?: string;
  readonly device?: string;
  readonly shareID?: string;
}

function deviceKey({ driver = "", pool = "", device = "", shareID }: DeviceId): string {
  return [driver, pool, device, ...(shareID === undefined ? [] : [shareID])].join("/");
}

function checkAllocation(
  errors: Errors,
  path: string,
  { devices = {}, nodeSelector }: Sparse<AllocationResult>,
  names: RequestNames,
): void {
  const { results = [], config = [] } = devices;
  checkItems(errors, `${path}.devices.results`, results, {
    max: resultsMax,
    check: (result, at) => checkResult(errors, at, result, names),
  });
  // Of the class and of the claim.
  checkItems(errors, `${path}.devices.config`, config, {
    max: 2 * configsMax,
    check: ({ source = "", requests = [], opaque }, at) => {
      checkEnum(errors, `${at}.source`, source, ["FromClaim", "FromClass"]);
      checkReferences(errors, `${at}.requests`, requests, names);
      checkOpaque(errors, `${at}.opaque`, opaque);
    },
  });
  if (nodeSelector === undefined) return;
  const terms = nodeSelector.nodeSelectorTerms as readonly NodeSelectorTerm[] | undefined;
  checkNodeSelector(errors, `${path}.nodeSelector`, terms);
}

function checkResult(
  errors: Errors,
  path: string,
  result: Sparse<DeviceRequestAllocationResult>,
  names: RequestNames,
): void {
  checkReference(errors, `${path}.request`, result.request ?? "", names);
  checkDeviceId(errors, path, result);
  checkBinding(errors, path, result);
  if (result.shareID !== undefined) checkShareId(errors, `${path}.shareID`, result.shareID);
}

function checkDeviceId(errors: Errors, path: string, { driver = "", pool = "", device = "" }: DeviceId): void {
  checkDriverName(errors, `${path}.driver`, driver);
  checkPoolName(errors, `${path}.pool`, pool);
  checkText(errors, `${path}.device`, device, dns1123Label);
}

function checkDeviceStatus(
  errors: Errors,
  path: string,
  device: Sparse<AllocatedDeviceStatus>,
  allocated: ReadonlySet<string>,
): void {
  const { shareID, conditions = [], data, networkData } = device;
  checkDeviceId(errors, path, device);
  if (shareID !== undefined) checkShareId(errors, `${path}.shareID`, shareID);
  if (!allocated.has(deviceKey(device))) {
    errors.push(invalid(path, deviceKey(device), "must be an allocated device in the claim"));
  }
  if (conditions.length > conditionsMax) {
    errors.push(tooMany(`${path}.conditions`, conditions.length, conditionsMax));
  }
  checkConditions(errors, `${path}.conditions`, conditions);
  if (data !== undefined) checkRawObject(errors, `${path}.data`, data, dataLengthMax);
  if (networkData !== undefined) checkNetworkData(errors, `${path}.networkData`, networkData);
}

function checkNetworkData(errors: Errors, path: string, data: Sparse<NetworkDeviceData>): void {
  const { interfaceName = "", hardwareAddress = "", ips = [] } = data;
  if (interfaceName.length > interfaceNameMax) errors.push(tooLong(`${path}.interfaceName`, interfaceNameMax));
  if (hardwareAddress.length > hardwareAddressMax) errors.push(tooLong(`${path}.hardwareAddress`, hardwareAddressMax));
  checkSet(errors, `${path}.ips`, ips, {
    max: addressesMax,
    keyOf: (address) => address,
    check: (address, at) => checkText(errors, at, address, interfaceAddress),
  });
}
