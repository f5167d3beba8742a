// The load generator, a process of its own: what it costs is told beside what it measured.
import { runLoop } from "./closed-loop.ts";
import type { FromLoad, LoadOrder, LoadTargets, ToLoad } from "./protocol.ts";

let targets: LoadTargets | undefined;

process.on("message", (message: ToLoad) => {
  if (message.kind === "targets") targets = message.targets;
  else void answer(message.id, message.order);
});
process.once("disconnect", () => process.exit(0));

async function answer(id: number, order: LoadOrder): Promise<void> {
  try {
    if (targets === undefined) throw new Error("an order before the targets");
    tell({ kind: "done", id, result: await carryOut(targets, order) });
  } catch (error) {
    tell({ kind: "failed", id, message: error instanceof Error ? error.message : String(error) });
  }
}

function carryOut(to: LoadTargets, order: LoadOrder): Promise<unknown> {
  return runLoop(to, order);
}

function tell(message: FromLoad): void {
  process.send?.(message);
}
