import { once } from "node:events";
import { createServer } from "node:http";
import { connect, type AddressInfo } from "node:net";
import t from "tap";
import { takeUpgrades } from "../src/http/upgrades.ts";

t.test(
  "tunnels and WebSocket handshakes go their ways; other upgrades are refused with a Status in plain HTTP",
  async (t) => {
    const server = createServer();
    server.on("upgrade", (_request, socket) => socket.end("HTTP/1.1 101 Switching Protocols\r\n\r\n"));
    takeUpgrades(server, (_request, socket) => socket.end("HTTP/1.1 299 Tunnel\r\n\r\n"));
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    t.teardown(() => server.close());
    const ask = async (method: string, protocol: string, path = "/x"): Promise<string> => {
      const socket = connect((server.address() as AddressInfo).port, "127.0.0.1");
      let text = "";
      socket.setEncoding("utf8").on("data", (part: string) => (text += part));
      socket.write(`${method} ${path} HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: ${protocol}\r\n\r\n`);
      await once(socket, "end");
      socket.destroy();
      return text;
    };
    const refused = await ask("POST", "SPDY/3.1");
    t.match(refused, /^HTTP\/1\.1 400 Bad Request/);
    t.match(JSON.parse(refused.slice(refused.indexOf("{"))), {
      kind: "Status",
      reason: "BadRequest",
      message: /can be upgraded to SPDY\/3\.1/,
    });
    t.match(await ask("GET", "websocket"), /^HTTP\/1\.1 101/);
    t.match(await ask("POST", "websocket"), /^HTTP\/1\.1 400/);
    for (const path of [
      "/api/v1/namespaces/n/pods/p/exec?command=x",
      "/api/v1/namespaces/n/pods/p/portforward",
      "/api/v1/namespaces/n/services/https:s:443/proxy/a/b",
      "/api/v1/nodes/n/proxy",
    ]) {
      t.match(await ask("POST", "SPDY/3.1", path), /^HTTP\/1\.1 299/, path);
      t.match(await ask("GET", "websocket", path), /^HTTP\/1\.1 299/, path);
    }
    for (const path of ["/api/v1/namespaces/n/pods/p/log", "/apis/apps/v1/namespaces/n/pods/p/exec", "/api/v1/%zz"]) {
      t.match(await ask("POST", "SPDY/3.1", path), /^HTTP\/1\.1 400/, path);
    }
  },
);
