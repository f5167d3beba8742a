// One master as a process, as the API server's program is, with its options in one argument. Plain HTTP on loopback.
import { startApiServer, type MasterOptions } from "@triarch/apiserver";

const options = JSON.parse(process.argv[2] ?? "") as MasterOptions;
const stop = new AbortController();
process.once("SIGTERM", () => stop.abort());
// Without its parent nobody wants it.
process.stdin.resume().once("end", () => process.exit(1));
const master = await startApiServer(options, stop.signal);
process.stdout.write("ready\n");
const stopped = new Promise<void>((resolve) => {
  if (stop.signal.aborted) resolve();
  else stop.signal.addEventListener("abort", () => resolve());
});
const failure = await Promise.race([stopped, master.failed]);
if (failure !== undefined) throw failure;
await master.close();
process.exit(0);
