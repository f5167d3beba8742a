// Images by pull policy, with a back-off per pod and image.
import type { Container } from "@triarch/api";
import type { ContainerRuntime } from "@triarch/runtime-hollow";
import type { RestartBackoff } from "./restart-backoff.ts";

/** The container has to wait; `reason` is what its status shows. */
export class ImageError extends Error {
  override readonly name = "ImageError";
  readonly reason: "ErrImagePull" | "ImagePullBackOff" | "ErrImageNeverPull";

  constructor(reason: ImageError["reason"], message: string, options?: ErrorOptions) {
    super(message, options);
    this.reason = reason;
  }
}

/**
 * Makes sure that the image is there.
 * @param tell gets the texts of events
 * @throws ImageError
 */
export async function ensureImage(options: {
  readonly runtime: ContainerRuntime;
  readonly container: Container;
  readonly backoff: RestartBackoff;
  readonly nowMs: number;
  readonly tell: (type: "Normal" | "Warning", reason: string, message: string) => void;
}): Promise<void> {
  const { runtime, container, backoff, tell } = options;
  const image = container.image ?? "";
  const policy = container.imagePullPolicy ?? (isLatest(image) ? "Always" : "IfNotPresent");
  if (policy !== "Always") {
    if ((await runtime.imageId(image)) !== undefined) {
      tell("Normal", "Pulled", `Container image "${image}" already present on machine`);
      return;
    }
    if (policy === "Never") {
      const message = `Container image "${image}" is not present with pull policy of Never`;
      tell("Warning", "ErrImageNeverPull", message);
      throw new ImageError("ErrImageNeverPull", message);
    }
  }
  if (backoff.waitUntilMs(image) !== undefined) {
    tell("Normal", "BackOff", `Back-off pulling image "${image}"`);
    throw new ImageError("ImagePullBackOff", `Back-off pulling image "${image}"`);
  }
  tell("Normal", "Pulling", `Pulling image "${image}"`);
  try {
    await runtime.pullImage(image);
  } catch (error) {
    backoff.fail(image, options.nowMs);
    const text = error instanceof Error ? error.message : String(error);
    const message = `Failed to pull image "${image}": ${text}`;
    tell("Warning", "Failed", message);
    throw new ImageError("ErrImagePull", message, { cause: error });
  }
  backoff.forget(image);
  tell("Normal", "Pulled", `Successfully pulled image "${image}"`);
}

function isLatest(image: string): boolean {
  const last = image.slice(image.lastIndexOf("/") + 1);
  return !last.includes("@") && (!last.includes(":") || last.endsWith(":latest"));
}
