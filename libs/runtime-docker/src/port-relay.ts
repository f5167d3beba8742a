// Run in a pod's network namespace: joins its standard streams with a port of the loopback address. Each direction ends by
// itself.
import { connect } from "node:net";

const port = Number(process.argv[2]);
const socket = connect({ host: "localhost", port, allowHalfOpen: true, autoSelectFamily: true });
socket.once("connect", () => {
  process.stderr.write("connected\n");
  process.stdin.pipe(socket);
  socket.pipe(process.stdout);
});
socket.on("error", (error: Error & { readonly code?: string }) => {
  process.stderr.write(`${error.code ?? ""} ${error.message}\n`);
  process.exit(1);
});
process.stdout.on("error", () => process.exit(0));
socket.once("close", () => process.exit(0));
