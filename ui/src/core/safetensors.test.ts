import { expect, test } from "vitest";
import { headLength, mostHead, readTensors } from "./safetensors.js";

const length = (n: bigint): ArrayBuffer => {
  const view = new DataView(new ArrayBuffer(8));
  view.setBigUint64(0, n, true);
  return view.buffer;
};

test("the length of a head", () => {
  expect(headLength(length(300n))).toBe(300);
  expect(headLength(length(BigInt(mostHead) + 1n))).toBeUndefined();
  expect(headLength(length(2n ** 64n - 1n))).toBeUndefined();
  expect(headLength(length(0n))).toBeUndefined();
  expect(headLength(new ArrayBuffer(7))).toBeUndefined();
});

test("a head", () => {
  const head = { __metadata__: { base: "sd", rank: "8" }, a: { dtype: "F16", shape: [2, 3], data_offsets: [0, 12] }, b: { dtype: "F16", shape: [4] }, c: { dtype: "F32", shape: [] } };
  expect(readTensors(JSON.stringify(head))).toEqual({
    count: 3,
    parameters: 11,
    types: ["F16", "F32"],
    metadata: [
      ["base", "sd"],
      ["rank", "8"],
    ],
  });
});

test("what is no head", () => {
  for (const head of ["", "[]", "null", '{"a":1}', '{"a":{"dtype":1,"shape":[]}}', '{"a":{"dtype":"F16","shape":["2"]}}']) expect(readTensors(head)).toBeUndefined();
});
