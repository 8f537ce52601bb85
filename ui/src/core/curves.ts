// Curves that nodes report: the newest of each name, of what was said earlier and since.

export interface CurveReport {
  time: string;
  curve?: { name: string; x: number[]; y: number[] };
}

/** curvesOf gives the newest curve of each name that has a line in it, by name. */
export function curvesOf(reports: readonly CurveReport[]): NonNullable<CurveReport["curve"]>[] {
  const newest = new Map<string, CurveReport>();
  for (const r of reports) {
    if (r.curve === undefined) continue;
    const before = newest.get(r.curve.name);
    if (before === undefined || before.time <= r.time) newest.set(r.curve.name, r);
  }
  return [...newest.values()]
    .flatMap((r) => (r.curve !== undefined && r.curve.x.length > 1 ? [r.curve] : []))
    .sort((a, b) => (a.name < b.name ? -1 : 1));
}
