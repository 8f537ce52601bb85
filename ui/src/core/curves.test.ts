import { expect, test } from "vitest";
import { curvesOf } from "./curves.js";

const at = (second: number): string => `2026-01-01T00:00:0${second}Z`;
const curve = (name: string, ...y: number[]) => ({ name, x: y.map((_, i) => i), y });

test("of each name the newest counts, however it came", () => {
  expect(
    curvesOf([
      { time: at(3), curve: curve("loss", 3, 2, 1) },
      { time: at(1), curve: curve("loss", 3, 2) },
      { time: at(4) },
      { time: at(2), curve: curve("accuracy", 0.1, 0.5) },
      { time: at(5), curve: curve("one point", 1) },
    ]),
  ).toEqual([curve("accuracy", 0.1, 0.5), curve("loss", 3, 2, 1)]);
});

test("no curve, nothing to draw", () => {
  expect(curvesOf([{ time: at(1) }])).toEqual([]);
});
