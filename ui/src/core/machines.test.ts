import { describe, expect, it } from "vitest";
import type { Schemas } from "../api/client.js";
import { columns, machinesOf, memoryOf, merged, needsCare, sampled, stateOf, tasksOn, type Device, type Machine, type Point } from "./machines.js";

const at = (s: number): string => new Date(s * 1000).toISOString();
const point = (s: number, used?: number, utilisation?: number): Point => ({ at: at(s), ...(used === undefined ? {} : { used }), ...(utilisation === undefined ? {} : { utilisation }) });
const device = (over: Partial<Device> = {}): Device => ({ uuid: "GPU-1", kind: "fake", name: "x", memory: 100, reading: { at: at(0), processes: [] }, ...over });
const agent = (name: string, over: Partial<Schemas["Agent"]> = {}): Schemas["Agent"] => ({ id: `id-${name}`, name, version: "1", platform: "linux/amd64", state: "ready", started: at(0), devices: [], tasks: [], plugins: [], ...over });

describe("machinesOf", () => {
  it("puts the host's own first and the agents by name, as people count", () => {
    const all = machinesOf([agent("box10"), agent("box9", { devices: [device({ uuid: "b" })] })], [device({ uuid: "a" }), device({ uuid: "b", agent: "box9" })], true);
    expect(all.map((m) => `${m.name} ${m.devices.map((d) => d.uuid)}`)).toEqual(["local a", "box9 b", "box10 "]);
  });
  it("leaves out a host that carries out nothing", () => {
    expect(machinesOf([agent("a")], [], false).map((m) => m.name)).toEqual(["a"]);
  });
});

describe("how a machine is", () => {
  const machine = (devices: Device[], over: Partial<Machine> = {}): Machine => ({ id: "a", name: "a", state: "ready", devices, agent: undefined, ...over });
  it("says what a device does, what is wrong first", () => {
    expect([device(), device({ tasks: ["x"] }), device({ tasks: ["x"], held: "a game" }), device({ held: "a game", ill: "lost" })].map(stateOf)).toEqual(["idle", "running", "held", "ill"]);
  });
  it("needs care when it is away, or something of it is not in use", () => {
    expect([machine([device()]), machine([], { state: "offline" }), machine([device({ warning: "hot" })])].map(needsCare)).toEqual([false, true, true]);
  });
  it("counts each task once", () => {
    expect(tasksOn(machine([device({ tasks: ["r/a/1"] }), device({ tasks: ["r/a/1", "r/b/1"] })], { agent: agent("a", { tasks: ["r/c/1", "r/a/1"] }) }))).toEqual(["r/c/1", "r/a/1", "r/b/1"]);
  });
  it("adds up memory, and says where nothing is measured", () => {
    expect(memoryOf([device({ reading: { at: at(0), processes: [], used: 30 } }), device()])).toEqual({ used: 30, all: 200 });
    expect(memoryOf([device()])).toEqual({ used: undefined, all: 100 });
  });
});

describe("series", () => {
  it("takes in what is newer, and forgets what is older than six hours", () => {
    const had = [point(0), point(30_000)];
    expect(merged(had, [point(30_000), point(30_001)]).map((p) => Date.parse(p.at) / 1000)).toEqual([30_000, 30_001]);
    expect(merged([], [point(5)])).toHaveLength(1);
    expect(merged([], [])).toEqual([]);
  });
  it("shows a gap as a gap, of the recent past sooner than of what is longer ago", () => {
    expect(columns([point(1000, 50, 10), point(1001, 100), point(1020, 0, 0)], 100)).toEqual({ time: [1000, 1001, 1002, 1020], memory: [50, 100, null, 0], busy: [10, null, null, 0] });
    expect(columns([point(0, 1, 1), point(15, 1, 1), point(30, 1, 1), point(100, 1, 1), point(1000, 1, 1)], 100).memory.map((x) => x === null)).toEqual([false, false, false, true, false, true, false]);
  });
  it("has no memory in percent of a device of unknown size, and nothing of nothing", () => {
    expect(columns([point(0, 5, 1)], 0).memory).toEqual([null]);
    expect(columns([], 1)).toEqual({ time: [], memory: [], busy: [] });
  });
  it("is sampled from its end", () => {
    expect(sampled([0, 1, 2, 3, 4].map((s) => point(s)), 3).map((p) => Date.parse(p.at) / 1000)).toEqual([4, 2, 0]);
  });
});
