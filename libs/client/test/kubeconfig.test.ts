import t from "tap";
import { parseKubeconfig, renderKubeconfig } from "@triarch/client";

const access = {
  servers: ["https://127.0.0.1:6444", "https://127.0.0.1:6445"],
  caPem: "CA",
  clientCertificatePem: "CERT",
  clientKeyPem: "KEY",
  insecureSkipTlsVerify: false,
};

t.test("what was rendered is read again, all masters included", async (t) => {
  const text = renderKubeconfig({ cluster: "triarch", user: "admin" }, "https://127.0.0.1:6443", access);
  t.match(text, "server: https://127.0.0.1:6443");
  t.same(await parseKubeconfig(text, "f"), access);
});

t.test("errors name the file and what is wrong", async (t) => {
  for (const [text, wanted] of [
    ["a: [", /kubeconfig \/x: not valid YAML/],
    ["a: 1", /current-context is missing/],
    ["current-context: c\ncontexts: []", /contexts has no "c"/],
  ] as const) {
    await t.rejects(parseKubeconfig(text, "/x"), wanted);
  }
});
