import type { Test } from "tap";
import { utf8 } from "@triarch/base";
import { AuthClient } from "./auth-client.ts";
import { startPlainPort, type PlainPort } from "./plain-port.ts";

export const one = (key: string, rangeEnd = "") => ({ key: utf8(key), rangeEnd: utf8(rangeEnd) });

export async function startWithClient(t: Test): Promise<{ readonly port: PlainPort; readonly client: AuthClient }> {
  const port = await startPlainPort(t.testdir({}));
  t.teardown(() => port.close());
  const client = new AuthClient(port.url);
  t.teardown(() => client.close());
  return { port, client };
}

/** Turns authentication on. anna may read [a, c), write [p, q), and both at x. */
export async function setUp(client: AuthClient): Promise<void> {
  for (const name of ["root", "anna"]) await client.call("userAdd", { name, password: `${name}-pw` });
  await client.call("userGrantRole", { user: "root", role: "root" });
  await client.call("roleAdd", { name: "r" });
  const grants = [
    { permType: 0, ...one("a", "c") },
    { permType: 1, ...one("p", "q") },
    { permType: 2, ...one("x") },
  ];
  for (const perm of grants) await client.call("roleGrantPermission", { name: "r", perm });
  await client.call("userGrantRole", { user: "anna", role: "r" });
  const { code, message } = await client.call("enable", {});
  if (code !== 0) throw new Error(message);
}
