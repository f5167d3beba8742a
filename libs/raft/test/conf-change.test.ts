import t from "tap";
import { hex } from "@triarch/base";
import {
  changeConfiguration,
  ConfChangeDecodeError,
  ConfChangeError,
  decodeConfChange,
  emptyConfState,
  encodeConfChange,
  jointVote,
  leaveJointChange,
} from "../src/index.ts";
import type { ConfChange, ConfChangeV2, ConfState } from "../src/index.ts";

const none = new Uint8Array(0);
const some = Uint8Array.of(1, 2, 255);
const largestId = 0xffffffffffffffffn;

t.test("the wire form is raftpb's", (t) => {
  const addOne: ConfChange = { version: 1, id: 0n, type: "addNode", nodeId: 1n, context: none };
  t.equal(hex(encodeConfChange(addOne).data), "080010001801");
  const removeLarge: ConfChange = { version: 1, id: 300n, type: "removeNode", nodeId: largestId, context: some };
  t.equal(hex(encodeConfChange(removeLarge).data), "08ac02" + "1001" + "18ffffffffffffffffff01" + "22030102ff");
  const joint: ConfChange = {
    version: 2,
    transition: "jointExplicit",
    changes: [
      { type: "addNode", nodeId: 2n },
      { type: "addLearnerNode", nodeId: 3n },
    ],
    context: some,
  };
  t.equal(hex(encodeConfChange(joint).data), "0802" + "120408001002" + "120408031003" + "1a030102ff");
  t.equal(encodeConfChange(joint).type, "confChangeV2");
  t.equal(encodeConfChange(addOne).type, "confChange");
  t.end();
});

t.test("what is encoded is decoded", (t) => {
  const changes: readonly ConfChange[] = [
    leaveJointChange,
    { version: 1, id: 7n, type: "updateNode", nodeId: largestId, context: some },
    { version: 2, transition: "jointImplicit", changes: [{ type: "removeNode", nodeId: 128n }], context: none },
  ];
  for (const change of changes) {
    const { type, data } = encodeConfChange(change);
    t.same(decodeConfChange(type, data), change);
  }
  t.same(decodeConfChange("confChangeV2", none), leaveJointChange);
  t.end();
});

t.test("bad bytes are refused", (t) => {
  const bad: readonly [string, Uint8Array][] = [
    ["ends in a number", Uint8Array.of(0x18, 0xff)],
    ["ends in a field", Uint8Array.of(0x22, 5, 1)],
    ["unknown type", Uint8Array.of(0x10, 9)],
    ["wire type", Uint8Array.of(0x1d, 0, 0, 0, 0)],
    ["endless number", new Uint8Array(12).fill(0xff)],
  ];
  for (const [name, data] of bad) t.throws(() => decodeConfChange("confChange", data), ConfChangeDecodeError, name);
  t.throws(() => decodeConfChange("normal", none), ConfChangeDecodeError);
  t.end();
});

t.test("a member that leaves and comes back within one change is new", (t) => {
  const before: ConfState = { ...emptyConfState, voters: [1n, 2n] };
  const change: ConfChangeV2 = {
    version: 2,
    transition: "auto",
    changes: [{ type: "removeNode", nodeId: 2n }],
    context: none,
  };
  const removed = changeConfiguration(before, change);
  t.same(removed.confState.voters, [1n]);
  t.same([...removed.forgotten], [2n]);
  t.throws(() => changeConfiguration({ ...before, voters: [2n] }, change), ConfChangeError);
  t.end();
});

t.test("a joint vote needs both halves and is lost with either", (t) => {
  t.equal(jointVote([true], [true]), "won");
  t.equal(jointVote([true], [undefined]), "pending");
  t.equal(jointVote([undefined], [true]), "pending");
  t.equal(jointVote([true], [false]), "lost");
  t.equal(jointVote([undefined], [false]), "lost");
  t.equal(jointVote([false], [undefined]), "lost");
  t.end();
});
