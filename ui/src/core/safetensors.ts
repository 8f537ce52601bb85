// What stands at the head of a .safetensors file: 8 bytes with a length, little-endian, and as much JSON.

/** Tensors is what a model file says of itself. */
export interface Tensors {
  count: number;
  parameters: number;
  /** How numbers are kept, such as F16, the most frequent first. */
  types: string[];
  /** What whoever made it wrote into it. */
  metadata: [string, string][];
}

/** The most that is read of a head. */
export const mostHead = 4 << 20;

/** headLength says how long the head is behind the first 8 bytes; undefined: these are of no such file. */
export function headLength(first: ArrayBuffer): number | undefined {
  if (first.byteLength < 8) return undefined;
  const length = Number(new DataView(first).getBigUint64(0, true));
  return length > 1 && length <= mostHead ? length : undefined;
}

/** readTensors reads a head; undefined: it is none. */
export function readTensors(head: string): Tensors | undefined {
  let all: unknown;
  try {
    all = JSON.parse(head);
  } catch {
    return undefined;
  }
  if (typeof all !== "object" || all === null || Array.isArray(all)) return undefined;
  const types = new Map<string, number>();
  const found: Tensors = { count: 0, parameters: 0, types: [], metadata: [] };
  for (const [name, value] of Object.entries(all)) {
    if (typeof value !== "object" || value === null) return undefined;
    if (name === "__metadata__") {
      found.metadata = Object.entries(value as Record<string, unknown>).map(([key, text]) => [key, typeof text === "string" ? text : JSON.stringify(text)]);
      continue;
    }
    const { dtype, shape } = value as { dtype?: unknown; shape?: unknown };
    if (typeof dtype !== "string" || !Array.isArray(shape) || !shape.every((n) => typeof n === "number")) return undefined;
    const parameters = shape.reduce<number>((product, n: number) => product * n, 1);
    found.count++;
    found.parameters += parameters;
    types.set(dtype, (types.get(dtype) ?? 0) + 1);
  }
  found.types = [...types].sort((a, b) => b[1] - a[1]).map(([name]) => name);
  return found;
}
