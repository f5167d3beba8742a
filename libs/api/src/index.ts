export type * from "./json.ts";
export type * from "./generated/types.generated.ts";

// Schema and what is derived from it.
export type {
  FieldSchema,
  GroupVersionKind,
  ListType,
  ScalarKind,
  TypeSchema,
  ValueSchema,
} from "./schema/type-schema.ts";
export type { ResourceInfo, SubresourceInfo } from "./schema/resource-info.ts";
export { fieldSchema, typeNameOfKind, typeNames, typeSchema } from "./schema/type-table.ts";
export { decodeProtobuf, encodeProtobuf, encodeProtobufList, isProtobuf } from "./protobuf/envelope.ts";
export type { ProtobufDocument, ProtobufList } from "./protobuf/envelope.ts";
export { encodeWatchFrame } from "./protobuf/watch-frame.ts";
export { decodeStored } from "./schema/read-stored.ts";
export { nestingDepthMax as protobufNestingDepthMax, ProtobufError } from "./protobuf/wire.ts";
export { base64Bytes, Base64Error, base64Text } from "./protobuf/base64.ts";
export { checkStructure, prune, readStructure } from "./structure/structure.ts";
export { copyWithEmptied } from "./structure/emptied.ts";
export type { StructureResult } from "./structure/structure.ts";
export { decodingErrorText, findingsMax, findingText } from "./structure/findings.ts";
export type { Finding } from "./structure/findings.ts";
export { inTextOrder } from "./structure/finding-order.ts";
export { jsonDepthMax, JsonSyntaxError } from "./structure/json-scanner.ts";
export { parseJson } from "./structure/json-text.ts";
export type { JsonText } from "./structure/json-text.ts";
export { aggregatedDiscovery, coreVersions, groupDocument, groupList, resourceList } from "./discovery/discovery.ts";
export { openApiDocument, openApiIndex, openApiV2Document } from "./openapi/documents.ts";
export type { OpenApiDocument, OpenApiV2Document } from "./openapi/documents.ts";
export { patchContentTypes } from "./openapi/operations.ts";
export { convertToVersion, storageApiVersion } from "./schema/versions.ts";
export { kubernetesVersion } from "./schema/version.ts";
export { applyDefaults } from "./defaults/defaults.ts";
export { apiVersionOf, findKind, findResource, resources } from "./schema/resources.ts";

// Metadata, errors and their documents.
export {
  carryField,
  childOf,
  deepCopy,
  deepCopyValue,
  deepEqual,
  isList,
  isObject,
  listAt,
  numberAt,
  objectAt,
  ownField,
  semanticEqual,
  setOwn,
  textAt,
  typed,
} from "./meta/mutable.ts";
export type { MutableObject, MutableValue } from "./meta/mutable.ts";
export * from "./meta/field-error.ts";
export * from "./meta/status.ts";
export * from "./meta/names.ts";
export * from "./meta/object-meta.ts";
export { microTimeText, parseTime, timeText } from "./meta/time.ts";
export { generateName, randomSuffix } from "./meta/generate-name.ts";

// What is special about each kind.
export type {
  DeletionRequest,
  KindStrategy,
  Requester,
  ScaleAccess,
  SubresourceRules,
  WriteContext,
} from "./kinds/strategy.ts";
export { strategyFor } from "./kinds/registry.ts";
export type { StrategyKey } from "./kinds/registry.ts";
export { goesAfterUpdate, planDeletion } from "./kinds/deletion.ts";
export type { DeletionOptions, DeletionPlan, PropagationPolicy } from "./kinds/deletion.ts";
export { bindPod, containerNames, qosClass } from "./kinds/pods.ts";
export { podEphemeralContainers, podResize } from "./kinds/pod-subresources.ts";
export { needsClusterIp, needsHealthCheckNodePort, needsNodePort } from "./kinds/services.ts";
export { namespaceFinalize } from "./kinds/namespaces.ts";
export { certificateApproval } from "./kinds/certificates.ts";
export { cleanupFinalizer } from "./kinds/custom-resource-definitions.ts";
export { acceptNames, availableCondition, danglingCondition, hasCondition, setCondition } from "./kinds/own-status.ts";
export type { Condition as StatusCondition, ServiceState } from "./kinds/own-status.ts";
export { validateScale } from "./kinds/scale.ts";
export { cidrFamily, ipFamily } from "./validation/addresses.ts";
export { requestedOrganizations } from "./validation/pem.ts";
export type { IpFamily } from "./validation/addresses.ts";

// Selectors and quantities.
export {
  everything,
  labelMapMatcher,
  labelSelectorMatcher,
  nothing,
  parseLabelSelector,
  SelectorError,
} from "./selectors/label-selector.ts";
export type { LabelMatcher, LabelOperator, LabelRequirement, Labels } from "./selectors/label-selector.ts";
export { parseFieldSelector } from "./selectors/field-selector.ts";
export type { FieldMatcher, FieldRequirement } from "./selectors/field-selector.ts";
export * from "./quantity/quantity.ts";

// Patches.
export { applyMergePatch } from "./patch/merge-patch.ts";
export { applyJsonPatch, jsonPatchOperationsMax } from "./patch/json-patch.ts";
export { applyStrategicMergePatch } from "./patch/strategic-merge-patch.ts";
export type { TypeFieldsLookup } from "./patch/strategic-merge-patch.ts";
export { goValueText, jsonTypeName, malformedPatch, PatchError, unreadablePatch } from "./patch/patch-error.ts";

// Server-side apply and the owners of fields.
export type { ApplyDeduced, ApplyList, ApplyMap, ApplyScalar, ApplyType, ListKey } from "./apply/apply-type.ts";
export { applyConfiguration, keepUnchangedTimes, trackCreate, trackUpdate } from "./apply/field-manager.ts";
export type { ApplyWrite } from "./apply/field-manager.ts";
export type { ManagedResource, ManagedWrite } from "./apply/managed-scope.ts";
export { managedFieldsAfterScale, managedFieldsOfScale } from "./apply/scale-fields.ts";
export type { ScaleMapping } from "./apply/scale-fields.ts";

// Server-side tables.
export { partialObjectMetadata, partialObjectMetadataList, renderTable } from "./tables/table.ts";
export type { ColumnDefinition, IncludeObject, KindTable, TableOptions } from "./tables/table.ts";
export { tableFor } from "./tables/registry.ts";
export { ageText } from "./tables/cells.ts";
export { podSummary } from "./tables/pods.ts";
