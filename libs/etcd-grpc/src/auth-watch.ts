import { AuthError } from "@triarch/etcd-auth";
import type { EtcdServer } from "@triarch/etcd-server";
import { grpcCodes } from "./status.ts";

/**
 * Why the caller may not watch these keys, in the words of a Go client's error, as etcd says it inside the stream;
 * undefined: it may.
 */
export function watchRefusal(
  server: Pick<EtcdServer, "mayWatch">,
  range: { readonly key: Uint8Array; readonly rangeEnd: Uint8Array },
): string | undefined {
  try {
    server.mayWatch(range);
    return undefined;
  } catch (error) {
    if (!(error instanceof AuthError)) throw error;
    return `rpc error: code = ${codeNames[error.grpcStatus] ?? "Unknown"} desc = ${error.message}`;
  }
}

const codeNames: Readonly<Record<number, string>> = {
  [grpcCodes.invalidArgument]: "InvalidArgument",
  [grpcCodes.permissionDenied]: "PermissionDenied",
  [grpcCodes.unauthenticated]: "Unauthenticated",
};
