import type { Node } from "@triarch/api";
import { resourceRefs } from "@triarch/client";
import { objectKey, splitKey } from "@triarch/informer";
import { choosePodCidr } from "@triarch/reconcile";
import { queueController, referenceTo, type Controller, type ControllerContext } from "../controller.ts";

/** One worker: two nodes must not choose at the same time. */
export function nodeIpamController(context: ControllerContext): Controller {
  const { client, informers, options } = context;
  const nodes = informers.get<Node>(resourceRefs.nodes);
  const recorder = context.recorder("cidrAllocator");
  /** Given away, but not shown by the informer yet. */
  const given = new Map<string, Node>();

  const controller = queueController(context, "node-ipam", {
    concurrency: 1,
    async reconcile(key) {
      const node = nodes.lister.get(key);
      if (node === undefined) return;
      const known = nodes.lister.list().map((one) => given.get(one.metadata?.uid ?? "") ?? one);
      const choice = choosePodCidr(given.get(node.metadata?.uid ?? "") ?? node, known, options.clusterCidr);
      if (choice.kind === "exhausted") {
        recorder.event(
          referenceTo(node, "v1", "Node"),
          "Warning",
          "CIDRNotAvailable",
          `no pod network is left in ${options.clusterCidr}`,
        );
      }
      if (choice.kind !== "assign") return;
      const { podCidr } = choice;
      const patch = { spec: { podCIDR: podCidr, podCIDRs: [podCidr] } };
      given.set(
        node.metadata?.uid ?? "",
        await client.patch<Node>(resourceRefs.nodes, splitKey(key), patch, { type: "strategic" }),
      );
      context.logger.info({ node: key, podCidr }, "pod network assigned");
    },
  });
  nodes.onChange((event) => {
    if (event.type === "deleted" || event.object.spec?.podCIDR !== undefined)
      given.delete(event.object.metadata?.uid ?? "");
    controller.queue.add(objectKey(event.object));
  });
  return controller;
}
