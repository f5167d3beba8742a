// Large answers leave compressed where the client says that it can read them so, as kubectl does.
import type { IncomingHttpHeaders } from "node:http";
import { createGzip, type Gzip } from "node:zlib";

/** Smaller answers are not worth it. As in Kubernetes, so is the level: fast rather than small. */
export const compressedBytesMin = 128 * 1024;
const level = 1;

export const compressedHeaders = { "content-encoding": "gzip", vary: "Accept-Encoding" } as const;

export function gzip(): Gzip {
  return createGzip({ level });
}

/** Is gzip among the codings that the client takes? `gzip;q=0` is not. */
export function acceptsGzip(headers: IncomingHttpHeaders): boolean {
  return (headers["accept-encoding"] ?? "")
    .toString()
    .split(",")
    .some((coding) => {
      const [name = "", ...parameters] = coding.split(";").map((part) => part.trim().toLowerCase());
      return name === "gzip" && !parameters.some((parameter) => /^q=0(\.0*)?$/.test(parameter));
    });
}
