// serviceaccounts/token: a signed token for a service account, good for some time, for some audiences, and where asked
// for only as long as a pod, a secret or a node is there.
import {
  apiVersionOf,
  badRequest,
  childOf,
  conflict,
  type FieldError,
  forbiddenRequest,
  invalid,
  invalidObject,
  type JsonObject,
  listAt,
  type MutableObject,
  notFound,
  numberAt,
  objectAt,
  StatusError,
  textAt,
  timeText,
  trackCreate,
} from "@triarch/api";
import { type BoundObject, nodeNameOf } from "@triarch/auth";
import { negotiate } from "../http/accept.ts";
import type { Answer } from "../http/answer.ts";
import { decodeBody, type ExpectedKind } from "../http/body.ts";
import { objectAnswer } from "../http/encode.ts";
import { about } from "../http/failures.ts";
import { fieldManagerOf, readWriteOptions } from "../http/write-options.ts";
import { boundResource, readFresh } from "../identity/bound-objects.ts";
import { checkNamespace } from "../registry/create.ts";
import { type ResourceCall, viewOptions } from "./api.ts";
import { kindFirst } from "./reviews/review.ts";

const tokenRequestResource = {
  group: "authentication.k8s.io",
  version: "v1",
  resource: "tokenrequests",
  kind: "TokenRequest",
  typeName: "io.k8s.api.authentication.v1.TokenRequest",
  subresources: [{ name: "token" }],
};
const tokenRequestKind: ExpectedKind = { ...tokenRequestResource, apiVersion: apiVersionOf(tokenRequestResource) };
const defaultSeconds = 3_600;
const secondsMin = 600;
const secondsMax = 2 ** 32;
/**
 * What the `kube-api-access` volume asks for. Programs that read their token only once would fail after an hour, so such
 * tokens last a year and say in a claim when they should have been read again.
 */
const extendedRequestSeconds = 3_607;
const extendedSeconds = 365 * 24 * 3_600;

export async function handleServiceAccountToken(call: ResourceCall): Promise<Answer> {
  const { api, request, info, resource } = call;
  const form = negotiate(request.headers.accept);
  const { fieldValidation } = readWriteOptions(request.query, "CreateOptions");
  const review = decodeBody(request, tokenRequestKind, fieldValidation);
  checkNamespace(childOf(review, "metadata"), info.namespace);
  const spec = setDefaults(review);
  const nowMs = api.registry.clock.nowMs();
  const manager = fieldManagerOf(request);
  trackCreate({ resource: tokenRequestResource, subresource: "token", manager, nowMs }, review);
  const account = await about({ resource, name: info.name }, () =>
    api.registry.store.get(resource, { namespace: info.namespace, name: info.name }),
  );
  const accountMeta = objectAt(account.object(), "metadata") ?? {};
  setMetadata(review, accountMeta, { uid: api.registry.newUid(), nowMs });
  if (listAt(spec, "audiences").length === 0) spec["audiences"] = [...api.identity.audiences];
  checkSpec(spec);
  const seconds = numberAt(spec, "expirationSeconds") ?? defaultSeconds;
  const bound = await boundTo(call, objectAt(spec, "boundObjectRef"));
  checkNode(call, bound);
  const audiences = listAt(spec, "audiences").filter((audience) => typeof audience === "string");
  const isExtended =
    seconds === extendedRequestSeconds &&
    bound.pod !== undefined &&
    audiences.every((one) => api.identity.audiences.includes(one));
  const token = await api.identity.serviceAccountTokens.issue({
    namespace: info.namespace,
    serviceAccount: { name: info.name, uid: textAt(accountMeta, "uid") },
    ...bound,
    audiences,
    lifetimeSeconds: isExtended ? extendedSeconds : seconds,
    ...(isExtended ? { warnAfterSeconds: seconds } : {}),
  });
  spec["boundObjectRef"] ??= null;
  review["status"] = { token, expirationTimestamp: timeText(nowMs + seconds * 1000) };
  return objectAnswer(tokenRequestResource, kindFirst(review), form, { ...viewOptions(call), statusCode: 201 });
}

function setDefaults(review: MutableObject): MutableObject {
  const spec = childOf(review, "spec");
  spec["expirationSeconds"] ??= defaultSeconds;
  return spec;
}

function setMetadata(
  review: MutableObject,
  account: JsonObject,
  { uid, nowMs }: { readonly uid: string; readonly nowMs: number },
): void {
  const meta = childOf(review, "metadata");
  const name = textAt(account, "name");
  const given = textAt(meta, "name");
  if (given !== "" && given !== name) {
    refuse(name, [invalid("metadata.name", given, "must match the service account name if specified")]);
  }
  Object.assign(meta, { name, namespace: textAt(account, "namespace"), uid, creationTimestamp: timeText(nowMs) });
}

function checkSpec(spec: JsonObject): void {
  const seconds = numberAt(spec, "expirationSeconds") ?? defaultSeconds;
  const field = "spec.expirationSeconds";
  if (seconds < secondsMin) refuse("", [invalid(field, seconds, "may not specify a duration less than 10 minutes")]);
  if (seconds > secondsMax)
    refuse("", [invalid(field, seconds, "may not specify a duration larger than 2^32 seconds")]);
}

function refuse(name: string, errors: readonly FieldError[]): never {
  throw new StatusError(invalidObject(tokenRequestResource, name, errors));
}

interface Bound {
  readonly pod?: BoundObject;
  readonly secret?: BoundObject;
  readonly node?: BoundObject;
}

/** @throws StatusError 400 | 404 | 409 */
async function boundTo(call: ResourceCall, ref: JsonObject | undefined): Promise<Bound> {
  if (ref === undefined) return {};
  const [apiVersion, kind, name] = [textAt(ref, "apiVersion"), textAt(ref, "kind"), textAt(ref, "name")];
  if (apiVersion !== "v1" || (kind !== "Pod" && kind !== "Secret" && kind !== "Node")) {
    const shown = `${apiVersion === "" ? "" : apiVersion}, Kind=${kind}`;
    throw new StatusError(badRequest(`cannot bind token to object of type ${shown}`));
  }
  const { store } = call.api.registry;
  const resource = boundResource(kind);
  const found = await readFresh(store, resource, resource.namespaced ? call.info.namespace : "", name);
  if (found === undefined) throw new StatusError(notFound(resource, name));
  const uid = textAt(objectAt(found, "metadata"), "uid");
  const wantedUid = textAt(ref, "uid");
  const node = kind === "Pod" ? await nodeOfPod(call, found) : undefined;
  if (wantedUid !== "" && wantedUid !== uid) {
    const why = `the UID in the bound object reference (${wantedUid}) does not match the UID in record. The object might have been deleted and then recreated`;
    throw new StatusError(conflict({ group: "", resource: kind }, name, why));
  }
  switch (kind) {
    case "Pod":
      return { pod: { name, uid }, ...(node === undefined ? {} : { node }) };
    case "Secret":
      return { secret: { name, uid } };
    case "Node":
      return { node: { name, uid } };
  }
}

async function nodeOfPod({ api, info }: ResourceCall, pod: JsonObject): Promise<BoundObject | undefined> {
  const spec = objectAt(pod, "spec");
  if (textAt(spec, "serviceAccountName") !== info.name) {
    const why = `cannot bind token for serviceaccount ${JSON.stringify(info.name)} to pod running with different serviceaccount name.`;
    throw new StatusError(badRequest(why));
  }
  const name = textAt(spec, "nodeName");
  if (name === "") return undefined;
  const node = await readFresh(api.registry.store, boundResource("Node"), "", name);
  return { name, uid: textAt(objectAt(node ?? {}, "metadata"), "uid") };
}

/** A kubelet gets tokens for the pods that run on its node, and for no others. */
function checkNode({ request, resource, info }: ResourceCall, { pod, node }: Bound): void {
  const nodeName = nodeNameOf(request.user);
  if (nodeName === undefined || (pod !== undefined && node?.name === nodeName)) return;
  const why = `node ${JSON.stringify(nodeName)} can only request tokens bound to pods that run on it`;
  throw new StatusError(forbiddenRequest(resource, info.name, why));
}
