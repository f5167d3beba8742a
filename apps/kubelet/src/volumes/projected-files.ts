// The content of volumes that are made of API objects: configMap, secret, downwardAPI, and projected, which mixes them.
import type { KeyToPath, Pod, Volume, VolumeProjection } from "@triarch/api";
import { utf8 } from "@triarch/base";
import { ConfigError, type ConfigSource } from "../containers/config-source.ts";
import { fieldValue, resourceValue, type NodeFacts } from "../containers/downward-api.ts";

export interface VolumeFile {
  /** Relative, may name folders. */
  readonly path: string;
  readonly content: Uint8Array;
  readonly mode: number;
}

const defaultModeUsual = 0o644;
const tokenSecondsUsual = 3600;

interface Input {
  readonly pod: Pod;
  readonly volume: Volume;
  readonly source: ConfigSource;
  readonly node: NodeFacts;
  readonly podIp: string;
}

export function isProjected(volume: Volume): boolean {
  return [volume.configMap, volume.secret, volume.downwardAPI, volume.projected].some((one) => one !== undefined);
}

/** @throws ConfigError naming what is missing */
export async function projectedFiles(input: Input): Promise<readonly VolumeFile[]> {
  const { volume } = input;
  const secret = volume.secret && {
    ...(volume.secret.secretName === undefined ? {} : { name: volume.secret.secretName }),
    ...(volume.secret.items === undefined ? {} : { items: volume.secret.items }),
    ...(volume.secret.optional === undefined ? {} : { optional: volume.secret.optional }),
  };
  const sources: readonly VolumeProjection[] = volume.projected?.sources ?? [
    {
      ...(volume.configMap === undefined ? {} : { configMap: volume.configMap }),
      ...(secret === undefined ? {} : { secret }),
      ...(volume.downwardAPI === undefined ? {} : { downwardAPI: volume.downwardAPI }),
    },
  ];
  const mode =
    (volume.projected ?? volume.configMap ?? volume.secret ?? volume.downwardAPI)?.defaultMode ?? defaultModeUsual;
  const files = await Promise.all(sources.map((source) => sourceFiles(input, source, mode)));
  return files.flat();
}

async function sourceFiles(input: Input, from: VolumeProjection, mode: number): Promise<readonly VolumeFile[]> {
  const { pod, source, volume } = input;
  const namespace = pod.metadata?.namespace ?? "";
  if (from.configMap !== undefined) {
    const { name = "", items, optional } = from.configMap;
    return pick(await source.configMap(namespace, name), { kind: "configmap", name, items, optional, mode });
  }
  if (from.secret !== undefined) {
    const { name = "", items, optional } = from.secret;
    return pick(await source.secret(namespace, name), { kind: "secret", name, items, optional, mode });
  }
  if (from.downwardAPI !== undefined) {
    return (from.downwardAPI.items ?? []).map((item) => ({
      path: item.path,
      content: utf8(
        item.fieldRef !== undefined
          ? fieldValue(pod, item.fieldRef, input.node, input.podIp)
          : resourceValue(pod, "", item.resourceFieldRef ?? { resource: "" }, input.node),
      ),
      mode: item.mode ?? mode,
    }));
  }
  if (from.serviceAccountToken !== undefined) {
    const { audience, expirationSeconds = tokenSecondsUsual, path } = from.serviceAccountToken;
    const request = { expirationSeconds, ...(audience === undefined ? {} : { audience }) };
    return [{ path, content: utf8(await source.token(pod, request)), mode }];
  }
  throw new ConfigError(`volume "${volume.name}": this source of a projected volume is not supported`);
}

function pick(
  values: ReadonlyMap<string, Uint8Array> | undefined,
  from: {
    readonly kind: string;
    readonly name: string;
    readonly items: readonly KeyToPath[] | undefined;
    readonly optional: boolean | undefined;
    readonly mode: number;
  },
): readonly VolumeFile[] {
  const { kind, name, items, optional, mode } = from;
  if (values === undefined) {
    if (optional === true) return [];
    throw new ConfigError(`${kind} "${name}" not found`);
  }
  if (items === undefined) return [...values].map(([path, content]) => ({ path, content, mode }));
  return items.flatMap((item) => {
    const content = values.get(item.key);
    if (content !== undefined) return [{ path: item.path, content, mode: item.mode ?? mode }];
    if (optional === true) return [];
    throw new ConfigError(`references non-existent ${kind} key: ${item.key}`);
  });
}
