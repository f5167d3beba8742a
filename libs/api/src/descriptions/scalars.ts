// Types that JSON holds as one text or number.
import type { DescriptionTable } from "./description-table.ts";

export const scalars: DescriptionTable = {
  prefix: "io.k8s.apimachinery.pkg.",
  types: {
    "api.resource.Quantity": {
      "": "An amount with an optional unit: 500m is a half, 2k is 2000, 1Mi is 1048576 and 1e3 is 1000.",
    },
    "apis.meta.v1.Time": { "": "A point in time with whole seconds, written as in RFC 3339." },
    "apis.meta.v1.MicroTime": { "": "A point in time with microseconds, written as in RFC 3339." },
    "util.intstr.IntOrString": {
      "": "Either a whole number or a text, such as a port by number or by name, or a percentage.",
    },
  },
};
