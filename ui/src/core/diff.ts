// What differs between two texts, line by line.

export interface Line {
  /** Of the first text alone, of the second alone, or of both. */
  in: "before" | "after" | "both";
  text: string;
}

const most = 2_000_000; // steps; what takes more is told as one change

/** difference gives the lines of two texts in one order, with as many as possible in both. */
export function difference(before: string, after: string): Line[] {
  const a = before.split("\n");
  const b = after.split("\n");
  let head = 0;
  while (head < Math.min(a.length, b.length) && a[head] === b[head]) head++;
  let tail = 0;
  while (tail < Math.min(a.length, b.length) - head && a[a.length - 1 - tail] === b[b.length - 1 - tail]) tail++;
  const both = (lines: string[]): Line[] => lines.map((text) => ({ in: "both", text }));
  return [...both(a.slice(0, head)), ...middle(a.slice(head, a.length - tail), b.slice(head, b.length - tail)), ...both(a.slice(a.length - tail))];
}

function middle(a: string[], b: string[]): Line[] {
  const width = b.length + 1;
  const out: Line[] = [];
  let i = 0;
  let j = 0;
  if (a.length * b.length <= most) {
    // common[i * width + j]: how many lines the rests from i and j have in common
    const common = new Uint32Array((a.length + 1) * width);
    const at = (x: number, y: number): number => common[x * width + y] ?? 0;
    for (let x = a.length - 1; x >= 0; x--) for (let y = b.length - 1; y >= 0; y--) common[x * width + y] = a[x] === b[y] ? at(x + 1, y + 1) + 1 : Math.max(at(x + 1, y), at(x, y + 1));
    while (i < a.length && j < b.length) {
      if (a[i] === b[j]) {
        out.push({ in: "both", text: a[i++] ?? "" });
        j++;
      } else if (at(i + 1, j) >= at(i, j + 1)) out.push({ in: "before", text: a[i++] ?? "" });
      else out.push({ in: "after", text: b[j++] ?? "" });
    }
  }
  for (; i < a.length; i++) out.push({ in: "before", text: a[i] ?? "" });
  for (; j < b.length; j++) out.push({ in: "after", text: b[j] ?? "" });
  return out;
}

/** around leaves of a difference what has changed, with so many lines around it; null stands for what was left out. */
export function around(lines: readonly Line[], beside: number): (Line | null)[] {
  const near = lines.map((_, i) => lines.slice(Math.max(0, i - beside), i + beside + 1).some((l) => l.in !== "both"));
  return lines.flatMap((line, i): (Line | null)[] => (near[i] ? [line] : i === 0 || near[i - 1] ? [null] : []));
}
