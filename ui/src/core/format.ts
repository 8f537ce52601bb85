// How figures are written. Times are the host's, in the reader's own time zone.

/** duration of some seconds: "40 ms", "1.4 s", "12 s", "3 min 05 s", "2 h 14 min", "3 d 4 h". */
export function duration(seconds: number): string {
  if (!Number.isFinite(seconds) || seconds < 0) return "–";
  if (seconds < 0.9995) return `${Math.round(seconds * 1000)} ms`;
  if (seconds < 9.95) return `${seconds.toFixed(1)} s`;
  const s = Math.round(seconds);
  if (s < 60) return `${s} s`;
  if (s < 3600) return `${Math.floor(s / 60)} min ${String(s % 60).padStart(2, "0")} s`;
  const minutes = Math.round(seconds / 60);
  if (minutes < 24 * 60) return `${Math.floor(minutes / 60)} h ${String(minutes % 60).padStart(2, "0")} min`;
  const hours = Math.round(seconds / 3600);
  return `${Math.floor(hours / 24)} d ${hours % 24} h`;
}

/** size of some bytes, in units of 1024: "812 B", "1.4 MiB", "24 GiB". */
export function size(bytes: number): string {
  const units = ["B", "KiB", "MiB", "GiB", "TiB"];
  let unit = 0;
  let n = bytes;
  while (n >= 1023.5 && unit < units.length - 1) {
    n /= 1024;
    unit++;
  }
  return `${unit === 0 || n >= 99.95 ? Math.round(n) : Number(n.toFixed(1))} ${units[unit] ?? ""}`;
}

/** ago says how long before `now` a time was: "just now", "5 min ago", "3 h ago", "2 d ago"; older, its date. */
export function ago(time: string, now: number): string {
  const seconds = (now - Date.parse(time)) / 1000;
  if (!Number.isFinite(seconds)) return "–";
  if (seconds < 45) return "just now";
  if (seconds < 3570) return `${Math.max(1, Math.round(seconds / 60))} min ago`;
  if (seconds < 86_000) return `${Math.round(seconds / 3600)} h ago`;
  if (seconds < 7 * 86_400) return `${Math.round(seconds / 86_400)} d ago`;
  return date(time);
}

/** date and time in full, as the reader's language writes them. */
export function date(time: string): string {
  const at = new Date(time);
  return Number.isNaN(at.getTime()) ? "–" : at.toLocaleString(undefined, { dateStyle: "medium", timeStyle: "short" });
}

/** clock is a time to the second. */
export const clock = (time: string): string => new Date(time).toLocaleTimeString(undefined, { hour12: false });

/** percent of a fraction from 0 to 1. */
export const percent = (fraction: number): string => `${Math.round(Math.min(1, Math.max(0, fraction)) * 100)} %`;

/** count with its word: "1 node", "1,204 nodes". */
export const count = (n: number, one: string, many = one + "s"): string => `${n.toLocaleString("en")} ${n === 1 ? one : many}`;

/** A large number in short, such as 1.2M. */
export const compact = (n: number): string => n.toLocaleString("en", { notation: "compact", maximumFractionDigits: 1 });

/** sentence begins what the host says with a capital letter, unless it begins with a command, a name or an address. */
export const sentence = (text: string): string => (/^(?!spinbot )[a-z]+[ ,]/.test(text) ? text.charAt(0).toUpperCase() + text.slice(1) : text);

/** stepsOf is an address within a run without what its steps are: module.finish[0]/node.mix is finish[0]/mix. */
export const stepsOf = (at: string): string => at.replace(/(^|\/)(node|module|gate)\./g, "$1");
