/** A process that runs the seeds it is sent, one at a time, and sends back the results. */
import { simulate } from "./simulation.ts";

process.on("message", (seed) => {
  void simulate(Number(seed)).then((result) => process.send?.(result));
});
process.on("disconnect", () => process.exit());
