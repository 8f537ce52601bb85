// Machines as pages show them: the host's own beside the agents, how each is, and what was measured over time.
import type { Schemas } from "../api/client.js";

export type Device = Schemas["KnownDevice"];
export type Point = Schemas["DevicePoint"];

export interface Machine {
  /** The agent's id, or "local". */
  id: string;
  /** What addresses and runs call it: an agent's name, or "local". */
  name: string;
  /** ready, offline, draining, cordoned, incompatible */
  state: string;
  devices: Device[];
  /** undefined: it is the host's own. */
  agent: Schemas["Agent"] | undefined;
}

/** The host's own machine, as agents and runs call it. */
export const local = "local";

/** machinesOf lists the host's own machine, unless it carries out nothing, and then the agents by name. */
export function machinesOf(agents: readonly Schemas["Agent"][], devices: readonly Device[], own: boolean): Machine[] {
  const others = agents.map((agent) => ({ id: agent.id, name: agent.name, state: agent.state, devices: agent.devices, agent }));
  others.sort((a, b) => a.name.localeCompare(b.name, "en", { numeric: true }));
  return own ? [{ id: local, name: local, state: "ready", devices: devices.filter((d) => !d.agent), agent: undefined }, ...others] : others;
}

/** stateOf a device: ill, held, running, or idle. */
export const stateOf = (d: Device): string => (d.ill ? "ill" : d.held ? "held" : (d.tasks ?? []).length > 0 ? "running" : "idle");

/** needsCare says whether a person should look at a machine. */
export const needsCare = (m: Machine): boolean => m.state !== "ready" || m.devices.some((d) => d.ill || d.warning || d.held);

/** memoryOf devices: how much is used of how much, in bytes; used is undefined where none of them is measured. */
export function memoryOf(devices: readonly Device[]): { used: number | undefined; all: number } {
  const measured = devices.map((d) => d.reading.used).filter((n) => n !== undefined);
  return { used: measured.length === 0 ? undefined : measured.reduce((a, b) => a + b, 0), all: devices.reduce((sum, d) => sum + d.memory, 0) };
}

/** tasksOn a machine are the addresses of the attempts that it works on, as far as the host tells. */
export const tasksOn = (m: Machine): string[] => [...new Set([...(m.agent?.tasks ?? []), ...m.devices.flatMap((d) => d.tasks ?? [])])];

const recent = 600; // seconds in which there is a point a second; before, one in 15
const kept = 6 * 3600;

/** merged adds what was measured since, and leaves out what is older than six hours. */
export function merged(had: readonly Point[], more: readonly Point[]): Point[] {
  const last = had.at(-1)?.at ?? "";
  const all = [...had, ...more.filter((p) => Date.parse(p.at) > (last === "" ? -Infinity : Date.parse(last)))];
  const end = Date.parse(all.at(-1)?.at ?? "");
  return all.filter((p) => end - Date.parse(p.at) <= kept * 1000);
}

export interface Columns {
  /** Unix seconds. */
  time: number[];
  /** Percent of the device's memory; percent of the time in which anything ran. null: a gap. */
  memory: (number | null)[];
  busy: (number | null)[];
}

/** columns is a series as a chart draws it. Where nothing was measured for a while, a gap stands, not a line across it. */
export function columns(points: readonly Point[], memory: number): Columns {
  const out: Columns = { time: [], memory: [], busy: [] };
  const end = Date.parse(points.at(-1)?.at ?? "") / 1000;
  for (const p of points) {
    const at = Date.parse(p.at) / 1000;
    const before = out.time.at(-1);
    if (before !== undefined && at - before > (end - before > recent - 20 ? 40 : 6)) {
      out.time.push(before + 1);
      out.memory.push(null);
      out.busy.push(null);
    }
    out.time.push(at);
    out.memory.push(p.used === undefined || memory <= 0 ? null : (100 * p.used) / memory);
    out.busy.push(p.utilisation ?? null);
  }
  return out;
}

/** sampled gives about `most` points of a series for a table, the newest first and always in it. */
export function sampled(points: readonly Point[], most: number): Point[] {
  const step = Math.max(1, Math.ceil(points.length / most));
  return [...points].reverse().filter((_, i) => i % step === 0);
}
