// Tables of Services and of what stands behind them.
import type {
  Endpoints,
  EndpointSlice,
  Ingress,
  IPAddress,
  NetworkPolicy,
  Service,
  ServiceCIDR,
} from "../generated/types.generated.ts";
import { typed } from "../meta/mutable.ts";
import { ageOf, labelsText, listText, nameOf, orNone, selectorText } from "./cells.ts";
import { ageColumn, type KindTable, nameColumn, textColumn, wide } from "./table.ts";

/** Longer lists of balancer addresses are cut: the column would push the others away. */
const balancerWidth = 16;

export const serviceTable: KindTable = {
  columns: [
    nameColumn,
    textColumn("Type", "How the Service is reached."),
    textColumn("Cluster-IP", "Address inside the cluster."),
    textColumn("External-IP", "Addresses outside the cluster."),
    textColumn("Port(s)", "Ports, with node ports after a colon."),
    ageColumn,
    wide(textColumn("Selector", "Labels of the pods that serve.")),
  ],
  cells: (object, nowMs) => {
    const { spec } = typed<Service>(object);
    const ports = (spec?.ports ?? []).map(({ port, nodePort = 0, protocol = "TCP" }) =>
      nodePort > 0 ? `${port}:${nodePort}/${protocol}` : `${port}/${protocol}`,
    );
    return [
      nameOf(object),
      spec?.type ?? "",
      orNone(spec?.clusterIPs?.[0] ?? spec?.clusterIP),
      externalText(typed<Service>(object)),
      orNone(ports.join(",")),
      ageOf(object, nowMs),
      labelsText(spec?.selector),
    ];
  },
};

function externalText({ spec, status }: Service): string {
  const own = spec?.externalIPs ?? [];
  switch (spec?.type) {
    case "ExternalName":
      return spec.externalName ?? "";
    case "LoadBalancer": {
      const balancers = (status?.loadBalancer?.ingress ?? []).map(({ ip, hostname }) => ip ?? hostname ?? "");
      const joined = [...new Set(balancers.filter((address) => address !== ""))].sort().join(",");
      const shown = joined.length > balancerWidth ? `${joined.slice(0, balancerWidth - 3)}...` : joined;
      const all = [...(shown === "" ? [] : [shown]), ...own];
      return all.length === 0 ? "<pending>" : all.join(",");
    }
    default:
      return orNone(own.join(","));
  }
}

export const endpointsTable: KindTable = {
  columns: [nameColumn, textColumn("Endpoints", "Addresses that are ready."), ageColumn],
  cells: (object, nowMs) => {
    const addresses = (typed<Endpoints>(object).subsets ?? []).flatMap(({ addresses = [], ports = [] }) =>
      ports.length === 0
        ? addresses.map(({ ip }) => ip)
        : ports.flatMap(({ port }) => addresses.map(({ ip }) => hostPort(ip, port))),
    );
    const none = (typed<Endpoints>(object).subsets ?? []).length === 0 ? "<none>" : "";
    return [nameOf(object), listText(addresses, none), ageOf(object, nowMs)];
  },
};

function hostPort(ip: string, port: number): string {
  return ip.includes(":") ? `[${ip}]:${port}` : `${ip}:${port}`;
}

export const endpointSliceTable: KindTable = {
  columns: [
    nameColumn,
    textColumn("AddressType", "Family of the addresses."),
    textColumn("Ports", "Ports of every endpoint."),
    textColumn("Endpoints", "Addresses of the endpoints."),
    ageColumn,
  ],
  cells: (object, nowMs) => {
    const { addressType, ports = [], endpoints = [] } = typed<EndpointSlice>(object);
    const numbers = ports.map(({ port, name }) => (port === undefined ? (name ?? "*") : String(port)));
    const addresses = endpoints.flatMap((endpoint) => endpoint.addresses ?? []);
    return [
      nameOf(object),
      addressType,
      listText(numbers, "<unset>"),
      listText(addresses, "<unset>"),
      ageOf(object, nowMs),
    ];
  },
};

export const ingressTable: KindTable = {
  columns: [
    nameColumn,
    textColumn("Class", "Class of the controller that serves it."),
    textColumn("Hosts", "Host names of the rules."),
    textColumn("Address", "Addresses of the balancer."),
    textColumn("Ports", "Ports that are open."),
    ageColumn,
  ],
  cells: (object, nowMs) => {
    const { spec, status } = typed<Ingress>(object);
    const hosts = (spec?.rules ?? []).map(({ host }) => host ?? "").filter((host) => host !== "");
    const addresses = (status?.loadBalancer?.ingress ?? []).map(({ ip, hostname }) => ip ?? hostname ?? "");
    return [
      nameOf(object),
      orNone(spec?.ingressClassName),
      listText(hosts, "*"),
      addresses.join(","),
      (spec?.tls ?? []).length > 0 ? "80, 443" : "80",
      ageOf(object, nowMs),
    ];
  },
};

export const networkPolicyTable: KindTable = {
  columns: [nameColumn, textColumn("Pod-Selector", "Labels of the pods it is about."), ageColumn],
  cells: (object, nowMs) => [
    nameOf(object),
    selectorText(typed<NetworkPolicy>(object).spec?.podSelector ?? {}),
    ageOf(object, nowMs),
  ],
};

export const serviceCidrTable: KindTable = {
  columns: [nameColumn, textColumn("CIDRs", "Ranges of service addresses."), ageColumn],
  cells: (object, nowMs) => [
    nameOf(object),
    (typed<ServiceCIDR>(object).spec?.cidrs ?? []).join(","),
    ageOf(object, nowMs),
  ],
};

/** Rows have an age although no column is declared for it: so the recorded server answers. */
export const ipAddressTable: KindTable = {
  columns: [nameColumn, textColumn("ParentRef", "What the address is allocated to.")],
  cells: (object, nowMs) => {
    const parent = typed<IPAddress>(object).spec?.parentRef;
    const parts = [parent?.group, parent?.resource, parent?.namespace, parent?.name].filter(
      (part) => (part ?? "") !== "",
    );
    return [nameOf(object), parts.join("/"), ageOf(object, nowMs)];
  },
};
