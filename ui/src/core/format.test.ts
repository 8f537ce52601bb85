import { expect, test } from "vitest";
import { ago, count, date, duration, percent, sentence, size, stepsOf } from "./format.js";

test.each([
  [0, "0 ms"],
  [0.04, "40 ms"],
  [0.9996, "1.0 s"],
  [9.94, "9.9 s"],
  [9.96, "10 s"],
  [59.6, "1 min 00 s"],
  [185, "3 min 05 s"],
  [3600, "1 h 00 min"],
  [86_390, "1 d 0 h"],
  [-1, "–"],
  [Number.NaN, "–"],
])("a duration of %d", (seconds, want) => expect(duration(seconds)).toBe(want));

test.each([
  [0, "0 B"],
  [1023, "1023 B"],
  [1024, "1 KiB"],
  [1_468_006, "1.4 MiB"],
  [24 * 1024 ** 3, "24 GiB"],
  [1024 ** 2 - 1, "1 MiB"],
])("a size of %d", (bytes, want) => expect(size(bytes)).toBe(want));

test("how long ago", () => {
  const now = Date.parse("2026-01-10T12:00:00Z");
  expect(ago("2026-01-10T11:59:50Z", now)).toBe("just now");
  expect(ago("2026-01-10T11:55:00Z", now)).toBe("5 min ago");
  expect(ago("2026-01-10T09:00:00Z", now)).toBe("3 h ago");
  expect(ago("2026-01-08T12:00:00Z", now)).toBe("2 d ago");
  expect(ago("2025-01-08T12:00:00Z", now)).toBe(date("2025-01-08T12:00:00Z"));
  expect(ago("nonsense", now)).toBe("–");
  expect(date("nonsense")).toBe("–");
});

test("shares and counts", () => {
  expect(percent(1.2)).toBe("100 %");
  expect(count(1, "node")).toBe("1 node");
  expect(count(1204, "node")).toBe("1,204 nodes");
});

test("steps", () => {
  expect(stepsOf('module.finish["a"]~2/node.mix[0]')).toBe('finish["a"]~2/mix[0]');
  expect(stepsOf("gate.review")).toBe("review");
});

test.each([
  ["it waits for gate.choose", "It waits for gate.choose"],
  ["queued, since the queue is paused", "Queued, since the queue is paused"],
  ["spinbot resume last goes on", "spinbot resume last goes on"],
  ["node.plan failed", "node.plan failed"],
  ["2 of 3", "2 of 3"],
  ["", ""],
])("%s as a sentence", (text, want) => expect(sentence(text)).toBe(want));
