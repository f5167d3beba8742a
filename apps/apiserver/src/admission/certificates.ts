// Certificates by request: who may let a signer sign, who may sign in its name, and that nobody asks for the rights of
// `system:masters` this way.
import { deepEqual, type JsonObject, objectAt, requestedOrganizations, semanticEqual, textAt } from "@triarch/api";
import type { Authorizer, UserInfo } from "@triarch/auth";
import { type AdmissionPlugin, type AdmissionRequest, refused } from "./admission.ts";

const clientSigner = "kubernetes.io/kube-apiserver-client";
const masters = "system:masters";

export function certificateApproval(authorizer: Authorizer): AdmissionPlugin {
  return {
    name: "CertificateApproval",
    validateUpdate: (request, next, old) => {
      if (!isRequest(request, "approval") || mayActFor(authorizer, request.user, "approve", signerOf(old))) return;
      const why = `user not permitted to approve requests with signerName ${JSON.stringify(signerOf(old))}`;
      throw refused(request, next, why);
    },
  };
}

export function certificateSigning(authorizer: Authorizer): AdmissionPlugin {
  return {
    name: "CertificateSigning",
    validateUpdate: (request, next, old) => {
      if (!isRequest(request, "status") || !isSigned(next, old)) return;
      if (mayActFor(authorizer, request.user, "sign", signerOf(old))) return;
      const why = `user not permitted to sign requests with signerName ${JSON.stringify(signerOf(old))}`;
      throw refused(request, next, why);
    },
  };
}

export const certificateSubjectRestriction: AdmissionPlugin = {
  name: "CertificateSubjectRestriction",
  validateCreate: (request) => {
    const { object } = request;
    if (!isRequest(request, "") || signerOf(object) !== clientSigner) return;
    if (!requestedOrganizations(textAt(objectAt(object, "spec"), "request")).includes(masters)) return;
    throw refused(request, object, `use of ${clientSigner} signer with ${masters} group is not allowed`);
  },
};

function isRequest({ resource, subresource = "" }: AdmissionRequest, part: string): boolean {
  const isResource = resource.group === "certificates.k8s.io" && resource.resource === "certificatesigningrequests";
  return isResource && subresource === part;
}

/** The right is to the signer itself, or to all signers of its domain: `example.com/*`. */
function mayActFor(authorizer: Authorizer, user: UserInfo, verb: "approve" | "sign", signer: string): boolean {
  const domain = signer.split("/", 1)[0] ?? "";
  return [signer, `${domain}/*`].some((name) =>
    authorizer.allows(user, {
      kind: "resource",
      verb,
      apiGroup: "certificates.k8s.io",
      resource: "signers",
      subresource: "",
      namespace: "",
      name,
    }),
  );
}

function isSigned(next: JsonObject, old: JsonObject): boolean {
  const [status, before] = [objectAt(next, "status") ?? {}, objectAt(old, "status") ?? {}];
  return (
    !deepEqual(status["certificate"], before["certificate"]) ||
    !semanticEqual(status["conditions"], before["conditions"])
  );
}

function signerOf(object: JsonObject): string {
  return textAt(objectAt(object, "spec"), "signerName");
}
