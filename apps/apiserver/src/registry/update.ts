// An update, whatever it comes from: PUT, a patch, scale, binding. The new object is made from the current one inside
// the store's guaranteed update, so that a lost race makes it again from the newer object.
import {
  apiVersionOf,
  applyDefaults,
  badRequest,
  childOf,
  conflict,
  deepCopy,
  type FieldError,
  goesAfterUpdate,
  invalid,
  invalidObject,
  keepUnchangedTimes,
  type JsonObject,
  type MutableObject,
  objectAt,
  prepareMetaForUpdate,
  StatusError,
  strategyFor,
  type SubresourceRules,
  textAt,
  trackUpdate,
} from "@triarch/api";
import { about } from "../http/failures.ts";
import type { Change, EncodedObject } from "../storage/index.ts";
import { checkNamespace, prepareCreate } from "./create.ts";
import { dropServerFields, type Registry, type WriteRequest, type WriteResult } from "./registry.ts";
import { servedObject, storedObject, storedResource } from "./stored-version.ts";

export type UpdateTarget = "main" | "status" | "raw" | SubresourceRules;

export interface UpdateRequest extends WriteRequest {
  readonly name: string;
  /**
   * Which part is written: `status` keeps everything else, `main` keeps status. Rules are those of another
   * path, which says itself what may change. `raw` is for the server's own changes that the kind's rules would refuse
   * (binding a pod).
   */
  readonly target: UpdateTarget;
  /** May this request make the object when it is absent? */
  readonly createIfAbsent: boolean;
  /** False: a uid that differs is a change, which is invalid; else it names another object, which is a conflict. */
  readonly uidIsPrecondition?: false;
  /** The object as it should be, decoded and of the right structure; runs again after a lost race. */
  produce(current: JsonObject | undefined): MutableObject | Promise<MutableObject>;
}

/** @throws StatusError 400 | 403 | 404 | 409 | 422 */
export async function updateObject(registry: Registry, request: UpdateRequest): Promise<WriteResult> {
  const { resource, namespace, name, dryRun } = request;
  const key = { namespace, name };
  return about({ resource, name }, async () => {
    const update = new Update(registry, request);
    try {
      const { object, outcome } = await registry.store.update(
        storedResource(resource),
        key,
        (current) => update.decide(current),
        {
          dryRun,
          createIfAbsent: request.createIfAbsent,
        },
      );
      await update.committed();
      // After the last finalizer is gone the client sees its own change, although the object is already deleted.
      if (outcome === "deleted" && update.last !== undefined) {
        return { object: withVersion(update.last, object.modRevision), created: false };
      }
      return { object: servedObject(resource, object.object()), created: outcome === "created" };
    } catch (error) {
      await update.abandoned();
      throw error;
    }
  });
}

/** One update over all its attempts: what was allocated for an attempt is given back when another one follows. */
class Update {
  last: MutableObject | undefined;
  readonly #registry: Registry;
  readonly #request: UpdateRequest;
  #allocation: { readonly release: () => Promise<void>; readonly commit: () => Promise<void> } | undefined;

  constructor(registry: Registry, request: UpdateRequest) {
    this.#registry = registry;
    this.#request = request;
  }

  async decide(current: EncodedObject | undefined): Promise<Change> {
    await this.abandoned();
    const { resource } = this.#request;
    const old = current === undefined ? undefined : servedObject(resource, current.object());
    const next = await this.#request.produce(old);
    checkNames(next, this.#request);
    if (old === undefined) return this.#create(next);
    checkIdentity(this.#request, next, old);
    await this.#prepare(next, old);
    keepUnchangedTimes(next, old);
    this.last = next;
    // The last thing that kept a deleted object is gone.
    if (goesAfterUpdate(strategyFor(resource), next)) return { kind: "delete" };
    return { kind: "put", object: storedObject(resource, next) };
  }

  async #create(next: MutableObject): Promise<Change> {
    const { resource, name, uidIsPrecondition } = this.#request;
    const meta = childOf(next, "metadata");
    // A client that names a uid or a version means an object that was there.
    const uid = textAt(meta, "uid");
    if (uid !== "") {
      const why =
        uidIsPrecondition === false
          ? `uid mismatch: the provided object specified uid ${uid}, and no existing object was found`
          : `Precondition failed: UID in precondition: ${uid}, UID in object meta: `;
      throw new StatusError(conflict(resource, name, why));
    }
    await prepareCreate(this.#registry, { ...this.#request, object: next });
    this.#allocation = await this.#registry.services.allocateForCreate(resource, next, this.#request.dryRun);
    return { kind: "put", object: storedObject(resource, next) };
  }

  async #prepare(next: MutableObject, old: JsonObject): Promise<void> {
    const { resource, target, warnings, dryRun, name, subresource, fieldManager: manager } = this.#request;
    const strategy = strategyFor(resource);
    dropServerFields(childOf(next, "metadata"));
    applyDefaults(apiVersionOf(resource), resource.kind, next);
    const nowMs = this.#registry.clock.nowMs();
    if (manager !== undefined) trackUpdate({ resource, subresource, manager, nowMs }, next, old);
    prepareMetaForUpdate(next, old);
    if (target === "main") strategy.prepareForUpdate(next, old);
    else if (target === "status") strategy.prepareForStatusUpdate(next, old, { nowMs });
    else if (typeof target === "object") target.prepare(next, old, { nowMs });
    if (target === "raw") return;
    await this.#registry.admission.admitUpdate(this.#request, next, old);
    const services = this.#registry.services;
    if (target === "main") services.prepareUpdate(resource, next, old);
    const errors = this.#errors(target, next, old);
    if (errors.length > 0) throw new StatusError(invalidObject(resource, name, errors));
    if (target === "main") warnings.push(...(strategy.warnings?.(next) ?? []));
    await this.#registry.admission.validateUpdate(this.#request, next, old);
    if (target === "main") this.#allocation = await services.allocateForUpdate(resource, next, old, { dryRun });
  }

  #errors(target: "main" | "status" | SubresourceRules, next: JsonObject, old: JsonObject): readonly FieldError[] {
    if (typeof target === "object") return target.validate(next, old);
    const strategy = strategyFor(this.#request.resource);
    return target === "main" ? strategy.validateUpdate(next, old) : strategy.validateStatusUpdate(next, old);
  }

  async committed(): Promise<void> {
    await this.#allocation?.commit();
    this.#allocation = undefined;
  }

  async abandoned(): Promise<void> {
    await this.#allocation?.release();
    this.#allocation = undefined;
  }
}

/** The body's name must be the path's; a namespace may be left out. @throws StatusError 400 */
export function checkNames(
  next: MutableObject,
  { name, namespace }: { readonly name: string; readonly namespace: string },
): void {
  const meta = childOf(next, "metadata");
  const own = textAt(meta, "name");
  if (own === "") {
    const text = `the name of the object (${name} based on URL) was undeterminable: name must be provided`;
    throw new StatusError(badRequest(text));
  }
  if (own !== name) {
    const text = `the name of the object (${own}) does not match the name on the URL (${name})`;
    throw new StatusError(badRequest(text));
  }
  checkNamespace(meta, namespace);
}

/** uid and resourceVersion of the new object say which old one it was made from. */
function checkIdentity({ resource, name, uidIsPrecondition }: UpdateRequest, next: JsonObject, old: JsonObject): void {
  const [meta, oldMeta] = [objectAt(next, "metadata") ?? {}, objectAt(old, "metadata") ?? {}];
  const [uid, oldUid] = [textAt(meta, "uid"), textAt(oldMeta, "uid")];
  if (uidIsPrecondition !== false && uid !== "" && uid !== oldUid) {
    const why = `Precondition failed: UID in precondition: ${uid}, UID in object meta: ${oldUid}`;
    throw new StatusError(conflict(resource, name, why));
  }
  const version = textAt(meta, "resourceVersion");
  if (version === "" || version === "0") {
    if (strategyFor(resource).allowUnconditionalUpdate) return;
    const error = invalid("metadata.resourceVersion", 0, "must be specified for an update");
    throw new StatusError(invalidObject(resource, name, [error]));
  }
  if (!/^\d+$/.test(version)) {
    throw new StatusError(badRequest(`strconv.ParseUint: parsing ${JSON.stringify(version)}: invalid syntax`));
  }
  if (version !== textAt(oldMeta, "resourceVersion")) throw new StatusError(conflict(resource, name));
}

function withVersion(object: MutableObject, modRevision: number): MutableObject {
  const copy = deepCopy(object);
  childOf(copy, "metadata")["resourceVersion"] = String(modRevision);
  return copy;
}
