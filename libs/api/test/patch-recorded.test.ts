// The recorded conversation about strategic merge patches, step by step on one Deployment.
import t from "tap";
import {
  applyJsonPatch,
  applyMergePatch,
  applyStrategicMergePatch,
  type JsonObject,
  PatchError,
  typeSchema,
} from "@triarch/api";
import { exchanges, recordedMissing } from "./recorded.ts";
import { restore, targetOf } from "./recorded-writes.ts";
import { create, update } from "./strategy-server.ts";

t.test("a Deployment is patched as recorded", { skip: recordedMissing }, async (t) => {
  let stored: JsonObject = {};
  let steps = 0;
  for (const { step, request, response } of exchanges("flow/strategic-merge-deployment")) {
    const target = targetOf(request.path);
    if (target === undefined || request.body === undefined || response.body === undefined) continue;
    const { resource, namespace } = target;
    const kind = (request as { readonly contentType?: string }).contentType ?? "";
    const patch = request.body;
    let status = 0;
    try {
      const next =
        request.method === "POST"
          ? undefined
          : kind.startsWith("application/json-patch")
            ? applyJsonPatch(stored, patch)
            : kind.startsWith("application/merge-patch")
              ? applyMergePatch(stored, patch)
              : applyStrategicMergePatch(stored, patch, resource.typeName, (name) => typeSchema(name)?.fields);
      const answer =
        next === undefined
          ? create(resource, namespace, patch as JsonObject)
          : update(resource, namespace, stored, next);
      status = answer.status;
      if ("object" in answer) stored = answer.object;
    } catch (error) {
      if (!(error instanceof PatchError)) throw error;
      status = error.status.code;
    }
    steps++;
    // A client's mistake is 400 here where the recorded server answers 500.
    t.equal(status, response.status === 500 ? 400 : response.status, step);
    if (response.status >= 400) continue;
    const wanted = restore(response.body) as {
      readonly spec: unknown;
      readonly metadata: { readonly generation: number; readonly finalizers?: unknown };
    };
    t.strictSame(stored["spec"], wanted.spec, `${step}: spec`);
    t.equal((stored["metadata"] as JsonObject)["generation"], wanted.metadata.generation, `${step}: generation`);
    t.strictSame((stored["metadata"] as JsonObject)["finalizers"], wanted.metadata.finalizers, `${step}: finalizers`);
    const owners = (metadata: unknown): unknown =>
      (metadata as { managedFields: { fieldsV1: unknown }[] }).managedFields.map(({ fieldsV1 }) => fieldsV1);
    t.strictSame(owners(stored["metadata"]), owners(wanted.metadata), `${step}: owners`);
  }
  t.ok(steps >= 18, "the whole conversation was played");
});
