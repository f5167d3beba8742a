import { collectDefaultMetrics, Registry } from "prom-client";

export { Counter, Gauge, Histogram, Registry } from "prom-client";

/**
 * The one registry of a process, with Node's own figures (event loop delay, heap, CPU) in it.
 *
 * @param component label of every figure. None where the reader takes names to the letter: `etcdctl check datascale` reads
 *   `process_resident_memory_bytes` only without labels
 */
export function createRegistry(component?: string): Registry {
  const registry = new Registry();
  if (component !== undefined) registry.setDefaultLabels({ component });
  collectDefaultMetrics({ register: registry });
  return registry;
}
