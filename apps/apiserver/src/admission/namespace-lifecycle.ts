// Nothing is created in a namespace that is not there or on its way out.
import { assertFound, type NamespaceLookup } from "./namespace-lookup.ts";
import { forbiddenRequest, type JsonObject, objectAt, StatusError, textAt } from "@triarch/api";
import type { AdmissionPlugin, CreateAdmission } from "./admission.ts";

export function namespaceLifecycle(lookup: NamespaceLookup): AdmissionPlugin {
  return {
    name: "NamespaceLifecycle",
    admitCreate: async (request) => {
      if (!request.resource.namespaced) return;
      const namespace = assertFound(await lookup.get(request.namespace), request.namespace);
      if (isTerminating(namespace)) throw new StatusError(terminating(request));
    },
  };
}

function isTerminating(namespace: JsonObject): boolean {
  const deleted = textAt(objectAt(namespace, "metadata"), "deletionTimestamp") !== "";
  return deleted || textAt(objectAt(namespace, "status"), "phase") === "Terminating";
}

function terminating({ resource, namespace, object }: CreateAdmission) {
  const name = textAt(objectAt(object, "metadata"), "name");
  const why = `unable to create new content in namespace ${namespace} because it is being terminated`;
  const status = forbiddenRequest(resource, name, why);
  const cause = {
    reason: "NamespaceTerminating",
    message: `namespace ${namespace} is being terminated`,
    field: "metadata.namespace",
  };
  return { ...status, details: { ...status.details, causes: [cause] } };
}
