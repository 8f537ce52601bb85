// What runs have used, and what that cost, as it is shown and saved.
import type { Schemas } from "../api/client.js";
import { duration, size } from "./format.js";

export type Spent = Schemas["Spent"];
export type Figures = Schemas["Figures"];
export type Bill = Schemas["Bill"];

export const groupings = ["user", "pipeline", "node", "device", "day"] as const;
export type Grouping = (typeof groupings)[number];

/** The spans of time that a bill is shown of, in days; 0: all there is. */
export const spans = [7, 30, 365, 0] as const;
export type Span = (typeof spans)[number];

/** firstDay of a span that ends today, in UTC; undefined for all there is. */
export const firstDay = (span: Span, now: number): string | undefined => (span === 0 ? undefined : new Date(now - (span - 1) * 86_400_000).toISOString().slice(0, 10));

/** about stands before a figure of which more than a tenth is estimated. */
const about = (part: number | undefined, whole: number): string => ((part ?? 0) > whole / 10 ? "≈ " : "");

/** energy of some watt-hours: "820 mWh", "1.4 Wh", "12 Wh", "3.1 kWh". */
export function energy(wattHours: number): string {
  if (wattHours >= 999.5) return `${(wattHours / 1000).toFixed(wattHours >= 99_950 ? 0 : 1)} kWh`;
  if (wattHours >= 9.95) return `${Math.round(wattHours)} Wh`;
  if (wattHours >= 0.9995) return `${wattHours.toFixed(1)} Wh`;
  return `${Number((wattHours * 1000).toPrecision(2))} mWh`;
}

/** money in the reader's way of writing; what is too little to be written is not nothing. A currency that no standard knows stands behind its number. */
export function money(amount: number, currency: string): string {
  try {
    const written = new Intl.NumberFormat("en", { style: "currency", currency });
    const least = 10 ** -(written.resolvedOptions().maximumFractionDigits ?? 2);
    return amount > 0 && amount < least / 2 ? `< ${written.format(least)}` : written.format(amount);
  } catch {
    return `${amount.toFixed(2)} ${currency}`;
  }
}

export const gpuTime = (f: Figures): string => about(f.guessed_seconds, f.gpu_seconds) + duration(f.gpu_seconds);
/** energyOf some figures; undefined where nobody knows it. */
export const energyOf = (f: Figures): string | undefined => (f.energy_wh > 0 ? about(f.estimated_wh, f.energy_wh) + energy(f.energy_wh) : undefined);

/** part says what was wasted or saved: money where there are prices, else GPU time; undefined: nothing that is worth a word. */
export function part(f: Figures, currency = ""): string | undefined {
  if (currency !== "" && (f.cost ?? 0) >= 0.005) return money(f.cost ?? 0, currency);
  return f.gpu_seconds > 0 ? gpuTime(f) : undefined;
}

/** The figures that are worth a place, by their names. */
export type Shown = "cost" | "gpu" | "energy" | "peak" | "cpu" | "read" | "made" | "wasted" | "saved";

export function shown(s: Spent, currency = ""): [Shown, string][] {
  const u = s.used;
  const all: [Shown, string | undefined][] = [
    ["cost", currency === "" ? undefined : money(u.cost ?? 0, currency)],
    ["gpu", u.gpu_seconds > 0 ? gpuTime(u) : undefined],
    ["energy", u.gpu_seconds > 0 ? (energyOf(u) ?? "–") : undefined],
    ["peak", u.peak_memory ? size(u.peak_memory) : undefined],
    ["cpu", u.cpu_seconds > 0 ? duration(u.cpu_seconds) : undefined],
    ["read", u.read_bytes > 0 ? size(u.read_bytes) : undefined],
    ["made", u.made_bytes > 0 ? size(u.made_bytes) : undefined],
    ["wasted", part(s.wasted, currency)],
    ["saved", part(s.saved, currency)],
  ];
  return all.filter((x): x is [Shown, string] => x[1] !== undefined);
}

/** daysOf gives each day from the first to the last one with what was used on it, also where that is nothing. */
export function daysOf(groups: readonly { key: string; used: Figures }[]): { days: string[]; hours: number[] } {
  const hours = new Map(groups.map((g) => [g.key, g.used.gpu_seconds / 3600]));
  const first = groups[0]?.key;
  const last = groups.at(-1)?.key;
  const days: string[] = [];
  if (first !== undefined && last !== undefined) for (let at = Date.parse(first); at <= Date.parse(last); at += 86_400_000) days.push(new Date(at).toISOString().slice(0, 10));
  return { days, hours: days.map((d) => hours.get(d) ?? 0) };
}

/** hoursAs writes hours beside an axis that goes up to so many, in the unit that suits that. */
export function hoursAs(hours: number, most: number): string {
  const [unit, each] = most >= 1 ? ["h", 1] : most >= 1 / 60 ? ["min", 60] : most >= 1 / 3600 ? ["s", 3600] : ["ms", 3_600_000];
  return hours === 0 ? "0" : `${Number((hours * each).toPrecision(2))} ${unit}`;
}

/** cell of a file for spreadsheets: what could be taken for a formula is a text. */
const cell = (x: string | number): string => {
  const text = typeof x === "string" && /^[=+\-@]/.test(x) ? `'${x}` : String(x);
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
};

/** csvOf is a bill for spreadsheets, in plain units. */
export function csvOf(b: Bill): string {
  const cost = b.currency ? [`cost_${b.currency.toLowerCase()}`] : [];
  const names = ["attempts", "gpu_seconds", "energy_wh", "estimated_wh", "cpu_seconds", "read_bytes", "made_bytes", "peak_memory_bytes", ...cost];
  const of = (f: Figures): number[] => [f.attempts, f.gpu_seconds, f.energy_wh, f.estimated_wh ?? 0, f.cpu_seconds, f.read_bytes, f.made_bytes, f.peak_memory ?? 0, ...(cost.length > 0 ? [f.cost ?? 0] : [])];
  const head = [b.by, "name", "runs", ...names, ...names.map((n) => `wasted_${n}`), ...names.map((n) => `saved_${n}`)];
  const rows = b.groups.map((g) => [g.key, g.name ?? "", g.runs, ...of(g.used), ...of(g.wasted), ...of(g.saved)]);
  return [head, ...rows].map((row) => row.map(cell).join(",") + "\n").join("");
}
