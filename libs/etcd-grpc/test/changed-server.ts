import type { EtcdServer } from "@triarch/etcd-server";

/** The server with some of its methods replaced, for whoever it acts. */
export function changed(server: EtcdServer, methods: Partial<EtcdServer>): EtcdServer {
  return new Proxy(server, {
    get: (target, name) => {
      if (name === "as") {
        return (credentials: Parameters<EtcdServer["as"]>[0]) => changed(target.as(credentials), methods);
      }
      if (name in methods) return Reflect.get(methods, name) as unknown;
      const value: unknown = Reflect.get(target, name, target);
      return typeof value === "function" ? (value.bind(target) as unknown) : value;
    },
  });
}
