// Resources of a pod as a whole, which its containers share: what they ask for together must fit, and each one's limit.
import type { Container, PodSpec } from "../generated/types.generated.ts";
import { forbidden, invalid } from "../meta/field-error.ts";
import { addQuantities, compareQuantities, parseQuantity, type Quantity, quantityText } from "../quantity/quantity.ts";
import type { Errors } from "./basics.ts";
import { checkRequirements } from "./resources.ts";

type Amounts = Map<string, Quantity>;

export function checkPodResources(errors: Errors, path: string, spec: Partial<PodSpec>): void {
  const { resources } = spec;
  if (resources === undefined) return;
  if (resources.claims !== undefined) {
    errors.push(forbidden(`${path}.claims`, "claims cannot be set for Resources at pod-level"));
  }
  checkRequirements(errors, path, resources, { claimNames: new Set(), podLevel: true });
  const requests = resources.requests ?? {};
  for (const [name, together] of aggregate(spec)) {
    const ofPod = requests[name] ?? "0";
    if (compareQuantities(together, parseQuantity(ofPod)) <= 0) continue;
    const text = `must be greater than or equal to aggregate container requests of ${quantityText(together)}`;
    errors.push(invalid(`${path}.requests[${name}]`, ofPod, text));
  }
  (spec.containers ?? []).forEach((container, i) => {
    for (const [name, limit] of Object.entries(container.resources?.limits ?? {})) {
      const ofPod = resources.limits?.[name];
      if (ofPod === undefined || compareQuantities(parseQuantity(limit), parseQuantity(ofPod)) <= 0) continue;
      const field = `${path}.containers[${i}][${name}].limits`;
      errors.push(invalid(field, limit, `must be less than or equal to pod limits of ${ofPod}`));
    }
  });
}

/** All containers at once, or what an init container needs beside the sidecars that were started before it. */
function aggregate({ containers = [], initContainers = [] }: Partial<PodSpec>): Amounts {
  const total: Amounts = new Map();
  for (const container of containers) add(total, container);
  const sidecars: Amounts = new Map();
  const starting: Amounts = new Map();
  for (const container of initContainers) {
    const now: Amounts = new Map(sidecars);
    add(now, container);
    if (container.restartPolicy === "Always") {
      add(total, container);
      add(sidecars, container);
    }
    atLeast(starting, now);
  }
  atLeast(total, starting);
  return total;
}

function add(amounts: Amounts, container: Container): void {
  for (const [name, value] of Object.entries(container.resources?.requests ?? {})) {
    const before = amounts.get(name);
    const quantity = parseQuantity(value);
    amounts.set(name, before === undefined ? quantity : addQuantities(before, quantity));
  }
}

function atLeast(amounts: Amounts, others: Amounts): void {
  for (const [name, value] of others) {
    const present = amounts.get(name);
    if (present === undefined || compareQuantities(present, value) < 0) amounts.set(name, value);
  }
}
