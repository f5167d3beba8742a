import { once } from "node:events";
import { createServer } from "node:http";
import { connect, type AddressInfo } from "node:net";
import t from "tap";
import { refuseOtherUpgrades } from "../src/http/refuse-upgrades.ts";

t.test("SPDY is refused with a Status in plain HTTP; a WebSocket handshake goes through", async (t) => {
  const server = createServer();
  server.on("upgrade", (_request, socket) => socket.end("HTTP/1.1 101 Switching Protocols\r\n\r\n"));
  refuseOtherUpgrades(server);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  t.teardown(() => server.close());
  const ask = async (method: string, protocol: string): Promise<string> => {
    const socket = connect((server.address() as AddressInfo).port, "127.0.0.1");
    let text = "";
    socket.setEncoding("utf8").on("data", (part: string) => (text += part));
    socket.write(`${method} /x HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: ${protocol}\r\n\r\n`);
    await once(socket, "end");
    socket.destroy();
    return text;
  };
  const refused = await ask("POST", "SPDY/3.1");
  t.match(refused, /^HTTP\/1\.1 400 Bad Request/);
  t.match(JSON.parse(refused.slice(refused.indexOf("{"))), {
    kind: "Status",
    reason: "BadRequest",
    message: /SPDY\/3\.1 is not supported/,
  });
  t.match(await ask("GET", "websocket"), /^HTTP\/1\.1 101/);
  t.match(await ask("POST", "websocket"), /^HTTP\/1\.1 400/);
});
