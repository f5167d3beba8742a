// Ingress: HTTP from outside, led to services.
import type { DescriptionTable } from "./description-table.ts";

export const networking: DescriptionTable = {
  prefix: "io.k8s.api.networking.v1.",
  types: {
    Ingress: {
      "": "Leads HTTP and HTTPS requests from outside to services, by host and path.",
      spec: "Which requests go where.",
      status: "Where the requests can be sent.",
    },
    IngressSpec: {
      "": "Which requests go where.",
      ingressClassName:
        "The IngressClass, and thereby the controller, that takes care of it; the default class unless set.",
      defaultBackend: "Takes requests that no rule matches; required if there are no rules.",
      tls: "Certificates by host; the host named in the TLS handshake decides.",
      rules: "The rules by host; without any, all requests go to the default backend.",
    },
    IngressRule: {
      "": "What happens to requests for one host.",
      host: "Host name, perhaps with *. in place of its first label; every host if empty.",
      http: "Where the requests go, by path.",
    },
    HTTPIngressRuleValue: {
      "": "Where HTTP requests go, by path.",
      paths: "The paths, of which the longest that matches wins.",
    },
    HTTPIngressPath: {
      "": "Leads requests for a path to a backend.",
      path: "The path, which begins with a slash.",
      pathType: "Exact, Prefix for whole path elements, or ImplementationSpecific to leave it to the controller.",
      backend: "Where the requests go.",
    },
    IngressBackend: {
      "": "Where requests go: a service or another object.",
      service: "A service in the same namespace.",
      resource: "Another object in the same namespace that the controller knows how to use.",
    },
    IngressServiceBackend: {
      "": "A service that takes requests.",
      name: "Name of the service.",
      port: "Port of the service.",
    },
    ServiceBackendPort: {
      "": "A port of a service, by name or by number.",
      name: "Name of the port.",
      number: "Number of the port.",
    },
    IngressTLS: {
      "": "A certificate for some hosts.",
      hosts: "Hosts that the certificate covers; the controller's wildcard host unless set.",
      secretName: "Secret of type kubernetes.io/tls with certificate and key.",
    },
    IngressStatus: { "": "Present state of an ingress.", loadBalancer: "What the load balancer gave the ingress." },
    IngressLoadBalancerStatus: {
      "": "State of the load balancer of an ingress.",
      ingress: "Where requests can be sent.",
    },
    IngressLoadBalancerIngress: {
      "": "An address of the load balancer.",
      ip: "Address, if the load balancer has one.",
      hostname: "Name, if the load balancer goes by name.",
      ports: "State of the single ports.",
    },
    IngressPortStatus: {
      "": "State of a port of the load balancer.",
      port: "Number of the port.",
      protocol: "TCP, UDP or SCTP.",
      error: "What is wrong with the port, as one word, if anything is.",
    },
  },
};
