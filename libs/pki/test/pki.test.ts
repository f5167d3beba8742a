import { createPrivateKey } from "node:crypto";
import { mkdtemp, rm, stat, unlink } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { connect, createServer, type TLSSocket } from "node:tls";
import type { AddressInfo } from "node:net";
import t from "tap";
import {
  certificateExpiryMs,
  createCa,
  ensureCa,
  ensureSigningKey,
  issueCertificate,
  keyPairPaths,
  readKeyPair,
} from "@triarch/pki";

const nowMs = Date.now();

t.test("mutual TLS holds with our certificates, and a certificate of another CA is refused", async (t) => {
  const ca = await createCa({ commonName: "triarch-ca", nowMs, validityDays: 10 });
  const stranger = await createCa({ commonName: "triarch-ca", nowMs, validityDays: 10 });
  const server = await issueCertificate(ca, {
    commonName: "kube-apiserver",
    dnsNames: ["kubernetes"],
    ipAddresses: ["127.0.0.1", "10.96.0.1"],
    usages: ["server"],
    nowMs,
    validityDays: 5,
  });
  const request = {
    commonName: "alice",
    organizations: ["a", "b"],
    usages: ["client"],
    nowMs,
    validityDays: 5,
  } as const;
  const listener = createServer({
    cert: server.certificatePem,
    key: server.keyPem,
    ca: ca.certificatePem,
    requestCert: true,
    rejectUnauthorized: true,
  });
  await new Promise<void>((resolve) => listener.listen(0, "127.0.0.1", resolve));
  t.teardown(() => listener.close());
  const port = (listener.address() as AddressInfo).port;
  const attempt = async (client: { certificatePem: string; keyPem: string }) =>
    new Promise<unknown>((resolve) => {
      listener.once("secureConnection", (socket: TLSSocket) => {
        resolve(socket.getPeerCertificate().subject);
        socket.destroy();
      });
      listener.once("tlsClientError", () => resolve("refused"));
      const socket = connect({
        host: "127.0.0.1",
        port,
        ca: ca.certificatePem,
        cert: client.certificatePem,
        key: client.keyPem,
      });
      socket.on("error", () => socket.destroy()).resume();
    });
  t.match(await attempt(await issueCertificate(ca, request)), { CN: "alice", O: ["a", "b"] });
  t.equal(await attempt(await issueCertificate(stranger, request)), "refused");
});

t.test("a leaf never outlives its CA", async (t) => {
  const ca = await createCa({ commonName: "short", nowMs, validityDays: 2 });
  const leaf = await issueCertificate(ca, { commonName: "x", usages: ["client"], nowMs, validityDays: 365 });
  t.equal(certificateExpiryMs(leaf.certificatePem), certificateExpiryMs(ca.certificatePem));
});

t.test("a folder keeps its identities; half a pair is an error that names the file", async (t) => {
  const folder = await mkdtemp(join(tmpdir(), "pki-"));
  t.teardown(() => rm(folder, { recursive: true }));
  const request = { commonName: "ca", nowMs, validityDays: 1 };
  const first = await ensureCa(folder, "ca", request);
  t.same(await ensureCa(folder, "ca", request), first);
  const paths = keyPairPaths(folder, "ca");
  t.equal((await stat(paths.keyFile)).mode & 0o777, 0o600);
  await unlink(paths.keyFile);
  await t.rejects(readKeyPair(paths), /ca\.key is missing/);
});

t.test("a signing key is made once and kept to its owner", async (t) => {
  const folder = t.testdir();
  const made = await ensureSigningKey(folder, "sa");
  t.equal(createPrivateKey(made).asymmetricKeyDetails?.namedCurve, "prime256v1");
  t.equal(await ensureSigningKey(folder, "sa"), made);
  t.equal((await stat(join(folder, "sa.key"))).mode & 0o777, 0o600);
});
