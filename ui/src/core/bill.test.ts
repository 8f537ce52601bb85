import { expect, test } from "vitest";
import { csvOf, daysOf, energy, firstDay, hoursAs, money, part, shown, type Bill, type Figures } from "./bill.js";

const none: Figures = { attempts: 0, gpu_seconds: 0, energy_wh: 0, cpu_seconds: 0, read_bytes: 0, made_bytes: 0 };
const used: Figures = { ...none, attempts: 2, gpu_seconds: 90, energy_wh: 4, estimated_wh: 1, peak_memory: 2 ** 30, cost: 1.5 };

test("energy and money are written as people write them", () => {
  expect([0.0123, 0.82, 1.44, 12.3, 3100, 123_456].map(energy)).toEqual(["12 mWh", "820 mWh", "1.4 Wh", "12 Wh", "3.1 kWh", "123 kWh"]);
  expect(money(1234.5, "EUR")).toBe("€1,234.50");
  expect(money(2, "credits")).toBe("2.00 credits");
  expect([0, 0.004, 0.006].map((x) => money(x, "EUR"))).toEqual(["€0.00", "< €0.01", "€0.01"]);
  expect(money(0.2, "JPY")).toBe("< ¥1");
  expect([hoursAs(0, 5), hoursAs(2.5, 5), hoursAs(0.1, 0.2), hoursAs(0.005, 0.01), hoursAs(0.000005, 0.00001)]).toEqual(["0", "2.5 h", "6 min", "18 s", "18 ms"]);
});

test("a bill shows what there is, and says what is estimated", () => {
  expect(shown({ used, wasted: none, saved: none })).toEqual([["gpu", "1 min 30 s"], ["energy", "≈ 4.0 Wh"], ["peak", "1 GiB"]]);
  expect(shown({ used, wasted: used, saved: none }, "EUR")[0]).toEqual(["cost", "€1.50"]);
  expect(shown({ used: { ...none, attempts: 1 }, wasted: none, saved: none })).toEqual([]);
  expect(shown({ used: { ...used, energy_wh: 0 }, wasted: none, saved: none })[1]).toEqual(["energy", "–"]);
  expect(part(used)).toBe("1 min 30 s");
  expect(part({ ...used, guessed_seconds: 90, cost: 0 }, "EUR")).toBe("≈ 1 min 30 s");
});

test("days without use have a place in the chart", () => {
  expect(firstDay(7, Date.parse("2026-03-01T23:00:00Z"))).toBe("2026-02-23");
  expect(firstDay(0, 0)).toBeUndefined();
  expect(daysOf([])).toEqual({ days: [], hours: [] });
  const on = (key: string) => ({ key, used: { ...none, gpu_seconds: 3600 } });
  expect(daysOf([on("2026-02-27"), on("2026-03-01")])).toEqual({ days: ["2026-02-27", "2026-02-28", "2026-03-01"], hours: [1, 0, 1] });
});

test("a file for spreadsheets has plain units, and no formula", () => {
  const b: Bill = { version: 1, by: "user", groups: [{ key: '=cmd("x")', runs: 3, used, wasted: none, saved: none }], total: { key: "", runs: 3, used, wasted: none, saved: none }, currency: "EUR" };
  const [head = "", row = ""] = csvOf(b).split("\n");
  expect(head.startsWith("user,name,runs,attempts,gpu_seconds,energy_wh,")).toBe(true);
  expect(head.endsWith(",saved_cost_eur")).toBe(true);
  expect(row.startsWith(`"'=cmd(""x"")",,3,2,90,4,1,0,0,0,1073741824,1.5,0,`)).toBe(true);
});
