import t from "tap";
import { seededRng } from "@triarch/base";
import {
  addQuantities,
  canonicalQuantity,
  compareQuantities,
  isQuantity,
  parseQuantity,
  QuantityError,
  quantityMilliValue,
  quantityText,
  quantityValue,
  subtractQuantities,
} from "@triarch/api";

t.test("canonical form", async (t) => {
  const cases: readonly (readonly [string, string])[] = [
    ["0", "0"],
    ["1000m", "1"],
    ["1500m", "1500m"],
    ["0.5", "500m"],
    [".5", "500m"],
    ["1.", "1"],
    ["100k", "100k"],
    ["1000k", "1M"],
    ["1024Mi", "1Gi"],
    ["1.5Gi", "1536Mi"],
    ["1023Ki", "1023Ki"],
    ["0.5Ki", "512"],
    ["1024", "1024"],
    ["0.1Ki", "102400m"],
    ["1e3", "1e3"],
    ["1E3", "1e3"],
    ["12e6", "12e6"],
    ["1E", "1E"],
    ["-1.5", "-1500m"],
    ["+5", "5"],
    ["1n", "1n"],
    ["0.1n", "1n"],
    ["1000000000n", "1"],
    ["100000000000000000000000", "9223372036854775807"],
  ];
  for (const [text, wanted] of cases) t.equal(canonicalQuantity(text), wanted, text);
});

t.test("what is no quantity is refused", async (t) => {
  for (const text of ["", "Gi", "1.2.3", "1 Gi", "1gi", "--1", "1e", "0x10", ".", "1Kii", "9".repeat(300)]) {
    t.equal(isQuantity(text), false, text.slice(0, 20));
    t.throws(() => parseQuantity(text), QuantityError, text.slice(0, 20));
  }
});

t.test("hostile exponents cost nothing", async (t) => {
  t.equal(canonicalQuantity("1e999999999"), canonicalQuantity("1e60"), "cut to the largest value");
  t.equal(canonicalQuantity("1e-999999999"), "1e-9", "rounded up");
});

t.test("values are rounded up", async (t) => {
  t.equal(quantityValue(parseQuantity("1500m")), 2n);
  t.equal(quantityValue(parseQuantity("-1500m")), -2n);
  t.equal(quantityMilliValue(parseQuantity("100u")), 1n);
  t.equal(quantityMilliValue(parseQuantity("2")), 2000n);
  t.equal(quantityValue(parseQuantity("1Gi")), 1073741824n);
});

t.test("sums keep the left notation and undo each other", async (t) => {
  t.equal(quantityText(addQuantities(parseQuantity("512Mi"), parseQuantity("512Mi"))), "1Gi");
  t.equal(quantityText(addQuantities(parseQuantity("0"), parseQuantity("1Gi"))), "1Gi");
  t.equal(quantityText(subtractQuantities(parseQuantity("2"), parseQuantity("500m"))), "1500m");
  t.equal(
    quantityText(subtractQuantities(parseQuantity("1Ki"), parseQuantity("24"))),
    "1k",
    "small values are decimal",
  );
  const rng = seededRng(11);
  const suffixes = ["n", "u", "m", "", "k", "M", "Ki", "Mi", "e3"];
  for (let i = 0; i < 500; i++) {
    const random = (): string => `${rng.int(100_000)}${suffixes[rng.int(suffixes.length)] ?? ""}`;
    const [left, right] = [parseQuantity(random()), parseQuantity(random())];
    const sum = addQuantities(left, right);
    const back = subtractQuantities(sum, right);
    const reread = parseQuantity(quantityText(sum));
    if (back.nanos !== left.nanos || reread.nanos !== sum.nanos)
      t.fail(`round ${i}: ${quantityText(left)} ${quantityText(right)}`);
    if (compareQuantities(sum, left) < 0) t.fail(`round ${i}: a sum is smaller than its part`);
  }
  t.pass("500 rounds");
});
