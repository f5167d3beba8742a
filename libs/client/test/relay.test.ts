import { createServer, type AddressInfo, type Server, type Socket } from "node:net";
import { once } from "node:events";
import { connect } from "node:net";
import t from "tap";
import { seededRng } from "@triarch/base";
import { startRelay } from "@triarch/client";

async function echo(name: string): Promise<{ url: string; server: Server; sockets: Set<Socket> }> {
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on("error", () => undefined);
    socket.write(`${name}\n`);
    socket.pipe(socket);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return { url: `https://127.0.0.1:${(server.address() as AddressInfo).port}`, server, sockets };
}

t.test("connections go to a living backend; those of a dead one are broken at once", async (t) => {
  const [one, two] = [await echo("one"), await echo("two")];
  const relay = await startRelay({
    host: "127.0.0.1",
    port: 0,
    backends: [one.url, two.url],
    probe: async () => true,
    rng: seededRng(3),
  });
  t.teardown(async () => {
    await relay.close();
    two.server.close();
  });
  const dial = async (): Promise<{ socket: Socket; name: string }> => {
    const socket = connect(relay.port, "127.0.0.1");
    socket.on("error", () => undefined);
    const [data] = (await once(socket, "data")) as [Buffer];
    return { socket, name: data.toString().trim() };
  };
  const links = await Promise.all(Array.from({ length: 20 }, dial));
  t.same([...new Set(links.map((link) => link.name))].sort(), ["one", "two"]);
  const doomed = links.filter((link) => link.name === "one");
  const closed = Promise.all(doomed.map((link) => new Promise((resolve) => link.socket.once("close", resolve))));
  one.server.close();
  for (const socket of one.sockets) socket.resetAndDestroy();
  await closed;
  const after = await Promise.all(Array.from({ length: 20 }, dial));
  t.equal(
    after.every((link) => link.name === "two"),
    true,
  );
  for (const link of [...links, ...after]) link.socket.destroy();
});
