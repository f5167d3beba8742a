// NetworkPolicies: which pods and ranges may talk to which.
import type { IPBlock, NetworkPolicy, NetworkPolicyPeer, NetworkPolicyPort } from "../generated/types.generated.ts";
import { forbidden, invalid, notSupported, required } from "../meta/field-error.ts";
import { cidrContains, cidrFamily, validCidr } from "../validation/addresses.ts";
import { checkLabelSelector, checkPort, checkPortOrName, checkText, type Errors } from "../validation/basics.ts";
import { type Sparse, sparse } from "../validation/sparse.ts";
import { defineStrategy } from "./generic.ts";
import type { KindStrategy } from "./strategy.ts";

const protocols = ["TCP", "UDP", "SCTP"];
const policyTypeNames = ["Ingress", "Egress"];

export const networkPolicies: KindStrategy = defineStrategy({
  namespaced: true,
  generationFields: ["spec"],
  validate: (object) => {
    const { podSelector, ingress = [], egress = [], policyTypes = [] } = sparse<NetworkPolicy>(object).spec ?? {};
    const errors: Errors = [];
    checkLabelSelector(errors, "spec.podSelector", podSelector);
    ingress.forEach(({ ports = [], from = [] }, i) => {
      ports.forEach((port, j) => checkPolicyPort(errors, `spec.ingress[${i}].ports[${j}]`, port));
      from.forEach((peer, j) => checkPeer(errors, `spec.ingress[${i}].from[${j}]`, peer));
    });
    egress.forEach(({ ports = [], to = [] }, i) => {
      ports.forEach((port, j) => checkPolicyPort(errors, `spec.egress[${i}].ports[${j}]`, port));
      to.forEach((peer, j) => checkPeer(errors, `spec.egress[${i}].to[${j}]`, peer));
    });
    if (policyTypes.length > policyTypeNames.length) {
      errors.push(invalid("spec.policyTypes", policyTypes, "may not specify more than two policyTypes"));
      return errors;
    }
    policyTypes.forEach((type, i) => {
      if (!policyTypeNames.includes(type)) {
        errors.push(notSupported(`spec.policyTypes[${i}]`, type, policyTypeNames));
      }
    });
    return errors;
  },
});

function checkPolicyPort(errors: Errors, path: string, { protocol, port, endPort }: Sparse<NetworkPolicyPort>): void {
  if (protocol !== undefined && !protocols.includes(protocol)) {
    errors.push(notSupported(`${path}.protocol`, protocol, protocols));
  }
  if (port !== undefined) checkPortOrName(errors, `${path}.port`, port);
  if (endPort === undefined) return;
  const field = `${path}.endPort`;
  if (port === undefined) errors.push(invalid(field, endPort, "may not be specified when `port` is not specified"));
  else if (typeof port === "string") {
    errors.push(invalid(field, endPort, "may not be specified when `port` is non-numeric"));
  } else {
    // The recorded server shows the first port, not the last, as what is wrong.
    if (endPort < port) errors.push(invalid(field, port, "must be greater than or equal to `port`"));
    checkPort(errors, field, endPort);
  }
}

function checkPeer(errors: Errors, path: string, peer: Sparse<NetworkPolicyPeer>): void {
  const { podSelector, namespaceSelector, ipBlock } = peer;
  checkLabelSelector(errors, `${path}.podSelector`, podSelector);
  checkLabelSelector(errors, `${path}.namespaceSelector`, namespaceSelector);
  if (ipBlock !== undefined) checkBlock(errors, `${path}.ipBlock`, ipBlock);
  const bySelector = podSelector !== undefined || namespaceSelector !== undefined;
  if (!bySelector && ipBlock === undefined) errors.push(required(path, "must specify a peer"));
  if (bySelector && ipBlock !== undefined) {
    errors.push(forbidden(path, "may not specify both ipBlock and another peer"));
  }
}

function checkBlock(errors: Errors, path: string, { cidr = "", except = [] }: Sparse<IPBlock>): void {
  if (cidr === "") {
    errors.push(required(`${path}.cidr`));
    return;
  }
  checkText(errors, `${path}.cidr`, cidr, validCidr);
  if (cidrFamily(cidr) === undefined) return;
  except.forEach((part, i) => {
    checkText(errors, `${path}.except[${i}]`, part, validCidr);
    if (cidrFamily(part) === undefined) return;
    if (!cidrContains(cidr, part)) {
      errors.push(invalid(`${path}.except[${i}]`, part, "must be a strict subset of `cidr`"));
    }
  });
}
