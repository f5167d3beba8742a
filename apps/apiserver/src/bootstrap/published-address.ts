// Which address of a server that stands alone is published in the `kubernetes` service. Endpoints may not be loopback
// addresses; a server that listens on one, or on all, is published under an address of its machine, as Kubernetes does.
import { networkInterfaces } from "node:os";

export interface InterfaceAddress {
  readonly family: string;
  readonly address: string;
  /** Loopback. */
  readonly internal: boolean;
}

/** Undefined: the machine has nothing but loopback. IPv4 only, as the service network is. */
export function publishedAddress(
  listenHost: string,
  addresses: readonly InterfaceAddress[] = machineAddresses(),
): string | undefined {
  const isOwn = /^\d+\.\d+\.\d+\.\d+$/.test(listenHost) && listenHost !== "0.0.0.0" && !listenHost.startsWith("127.");
  if (isOwn) return listenHost;
  return addresses.find(({ family, internal, address }) => family === "IPv4" && !internal && !isLinkLocal(address))
    ?.address;
}

function isLinkLocal(address: string): boolean {
  return address.startsWith("169.254.");
}

function machineAddresses(): readonly InterfaceAddress[] {
  return Object.values(networkInterfaces()).flatMap((found) => found ?? []);
}
