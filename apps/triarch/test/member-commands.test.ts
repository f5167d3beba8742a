import t from "tap";
import type { ClusterView, MemberView } from "../src/members/access.ts";
import { findMember } from "../src/members/access.ts";
import { masterInSlot, masterPorts, newClusterSpec, slotOf } from "../src/cluster/cluster-spec.ts";

const member = (id: bigint, name: string): MemberView => {
  return { id, name, role: "follower", peerUrls: [], clientUrls: [], lag: 0 };
};

t.test("a member is found by name or id; an unclear name says so", (t) => {
  const view: ClusterView = {
    clusterId: 1n,
    members: [member(0xaan, "m1"), member(0xbbn, "m2"), member(0xccn, "m2"), member(0xddn, "")],
  };
  t.equal(findMember(view, "m1").id, 0xaan);
  t.equal(findMember(view, "cc").id, 0xccn);
  t.equal(findMember(view, "dd").id, 0xddn, "one that has not started has only an id");
  t.throws(() => findMember(view, "m2"), {
    message: "more than one member is called m2",
    remedy: /m2 \(bb\), m2 \(cc\), dd/,
  });
  t.throws(() => findMember(view, "m9"), { message: "there is no member m9" });
  t.end();
});

t.test("a master's slot gives it ports that no other has, and comes back from them", (t) => {
  const spec = newClusterSpec({ masters: 7, workers: 3, runtime: "hollow", basePort: 7000 });
  t.strictSame(
    spec.masters.map((master) => slotOf(spec, master)),
    [0, 1, 2, 3, 4, 5, 6],
  );
  const others = [
    spec.balancedPort,
    spec.balancerHealthPort,
    ...spec.workers.flatMap((one) => [one.kubeletPort, one.kubeletHealthPort]),
  ];
  const all = [...spec.masters.flatMap(masterPorts), ...others];
  t.equal(new Set(all).size, all.length);
  t.match(masterInSlot({ basePort: 7000, runtime: "docker", name: "x", slot: 4 }), {
    advertiseIp: "10.254.0.15",
    peerPort: 7024,
  });
  t.end();
});
