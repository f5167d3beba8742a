// One call of a CNI plugin: a program that gets its order in the environment and its configuration on standard input, and
// answers in JSON. CNI specification 1.0.0, sections 2 and 5.
import { join } from "node:path";
import { tryCommand } from "@triarch/machine";

export const cniVersion = "0.4.0";

export type CniCommand = "ADD" | "DEL" | "CHECK" | "VERSION";

export interface CniCall {
  readonly command: CniCommand;
  readonly containerId: string;
  /** Path of the network namespace; absent once it is gone (DEL must still free addresses). */
  readonly netns?: string;
  readonly interfaceName: string;
  /** `K8S_POD_NAME=...` and the like, for plugins that want to know. */
  readonly args?: Readonly<Record<string, string>>;
}

/** The part of a result that we read; the rest is handed to the next plugin as it came. */
export interface CniResult {
  readonly cniVersion?: string;
  readonly ips?: readonly { readonly address: string; readonly gateway?: string }[];
}

/** A plugin that said no; `code` is CNI's (below 100) or the plugin's own. */
export class CniError extends Error {
  override readonly name = "CniError";
  readonly code: number;

  constructor(plugin: string, command: CniCommand, code: number, detail: string) {
    super(`CNI plugin ${plugin} ${command}: ${detail} (code ${code})`);
    this.code = code;
  }
}

/** @throws CniError also when the plugin is missing or prints what is no JSON */
export async function runCniPlugin(
  pluginDir: string,
  config: { readonly type: string },
  call: CniCall,
): Promise<CniResult | undefined> {
  const env = {
    CNI_COMMAND: call.command,
    CNI_CONTAINERID: call.containerId,
    CNI_NETNS: call.netns ?? "",
    CNI_IFNAME: call.interfaceName,
    CNI_PATH: pluginDir,
    CNI_ARGS: Object.entries({ IgnoreUnknown: "1", ...call.args })
      .map(([key, value]) => `${key}=${value}`)
      .join(";"),
  };
  const result = await tryCommand(join(pluginDir, config.type), [], { input: JSON.stringify(config), env });
  const output = parse(result.stdout);
  if (result.exitCode !== 0) {
    const detail = output as { readonly code?: number; readonly msg?: string; readonly details?: string } | undefined;
    const text = [detail?.msg, detail?.details].filter((part) => part !== undefined && part !== "").join(": ");
    const fallback = result.stderr.trim() || `ended with code ${result.exitCode}`;
    throw new CniError(config.type, call.command, detail?.code ?? result.exitCode, text === "" ? fallback : text);
  }
  if (result.stdout.trim() === "") return undefined;
  if (output === undefined) throw new CniError(config.type, call.command, 6, "its answer is no JSON object");
  return output;
}

function parse(text: string): CniResult | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === "object" && value !== null ? value : undefined;
  } catch {
    return undefined;
  }
}
