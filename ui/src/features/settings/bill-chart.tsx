import { useEffect, useMemo, useState } from "react";
import uPlot from "uplot";
import { daysOf, hoursAs, type Bill } from "../../core/bill.js";
import { duration } from "../../core/format.js";
import { coloursOf, usePlot } from "../../kit/plot.js";
import { t } from "../../strings.js";

const height = 148;
const bars = uPlot.paths.bars?.({ size: [0.7, 28], radius: 0.15 });

function optionsFor(el: HTMLElement, onMove: (index: number | null) => void): Omit<uPlot.Options, "width"> {
  const [line = "", faint = "", accent = ""] = coloursOf(el, ["line", "faint", "accent"]);
  const axis = { stroke: faint, font: `11px ${getComputedStyle(el).fontFamily}`, ticks: { show: false } };
  const day = (s: number): string => new Date(s * 1000).toLocaleDateString("en", { day: "numeric", month: "short", timeZone: "UTC" });
  return {
    height,
    padding: [8, 8, 0, 0],
    legend: { show: false },
    cursor: { y: false, points: { show: false }, drag: { x: false, y: false } },
    scales: { x: { time: true, range: ({ data: [days] }) => [(days[0] ?? 0) - 43_200, (days.at(-1) ?? 0) + 43_200] }, y: { range: (_, __, max) => [0, max > 0 ? max * 1.1 : 1] } },
    axes: [
      { ...axis, size: 22, gap: 4, space: 60, incrs: [1, 2, 7, 14, 30, 60, 90].map((n) => n * 86_400), grid: { show: false }, values: (_, splits) => splits.map((s) => (s % 86_400 === 0 ? day(s) : "")) },
      { ...axis, size: 52, gap: 4, space: 36, values: (_, splits) => splits.map((h) => hoursAs(h, splits.at(-1) ?? 0)), grid: { stroke: line, width: 1 } },
    ],
    series: [{}, { stroke: accent, fill: accent, width: 0, points: { show: false }, ...(bars === undefined ? {} : { paths: bars }) }],
    hooks: { setCursor: [(u) => onMove(u.cursor.idx ?? null)] },
  };
}

/** BillChart draws how many hours of devices were used on each day. */
export default function BillChart({ bill }: { bill: Bill }) {
  const [over, setOver] = useState<number | null>(null);
  const { box, plot, drawn } = usePlot((el) => optionsFor(el, setOver));
  const { days, hours } = useMemo(() => daysOf(bill.groups), [bill]);
  useEffect(() => plot.current?.setData([days.map((d) => Date.parse(d) / 1000), hours]), [plot, days, hours, drawn]);
  const at = over ?? days.length - 1;
  const day = days[at];
  return (
    <figure className="card grid min-w-0 gap-1 p-4">
      <div ref={box} role="img" aria-label={t.bill.chart} className="min-w-0" style={{ height }} />
      <figcaption className="text-small text-muted">
        {t.bill.chart}
        {day !== undefined && <span className="tabular-nums">{` · ${day}: ${duration((hours[at] ?? 0) * 3600)}`}</span>}
      </figcaption>
    </figure>
  );
}
