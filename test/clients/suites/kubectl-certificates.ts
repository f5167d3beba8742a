// Certificate signing requests, approved and denied with kubectl.
import { tryCommand } from "@triarch/machine";
import type { Kubectl } from "./kubectl-steps.ts";
import type { Test } from "tap";

export async function kubectlDecidesOnCertificates(t: Test, { step, must, file, folder, run }: Kubectl): Promise<void> {
  const key = await file("robot.key", "");
  const openssl = ["req", "-new", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=robot", "-keyout", key];
  const made = await tryCommand("openssl", openssl, { cwd: folder });
  if (made.exitCode !== 0) throw new Error(`openssl: ${made.stderr}`);
  const spec = { request: btoa(made.stdout), signerName: "example.com/signer", usages: ["client auth"] };
  const request = (name: string): string =>
    JSON.stringify({
      ...{ apiVersion: "certificates.k8s.io/v1", kind: "CertificateSigningRequest", metadata: { name }, spec },
    });
  for (const name of ["good", "bad"]) await must(["create", "-f", "-"], { input: request(name) });
  await step("get csr", { stdout: /good +\S+ +example.com\/signer +admin +<none> +Pending\n/ });
  await step("certificate approve good", { stdout: "certificatesigningrequest.certificates.k8s.io/good approved" });
  await step("certificate deny bad", { stdout: "certificatesigningrequest.certificates.k8s.io/bad denied" });
  await step("get csr", { stdout: /bad .* Denied\ngood .* Approved\n/ });
  t.not((await run(["certificate", "approve", "nobody"])).exitCode, 0);
}
