import { useEffect, useMemo, useState } from "react";
import type uPlot from "uplot";
import { columns, type Device, type Point } from "../../core/machines.js";
import { clock, size } from "../../core/format.js";
import { coloursOf, usePlot } from "../../kit/plot.js";
import { t } from "../../strings.js";

const height = 132;

/** veiled is a colour as computed, that lets through what is behind it. */
const veiled = (colour: string): string => `rgb(${(colour.match(/[\d.]+/g) ?? []).slice(0, 3).join(" ")} / 14%)`;

function optionsFor(el: HTMLElement, onMove: (index: number | null) => void): Omit<uPlot.Options, "width"> {
  const [line = "", faint = "", busy = "", accent = ""] = coloursOf(el, ["line", "faint", "busy", "accent"]);
  const font = `11px ${getComputedStyle(el).fontFamily}`;
  const axis = { stroke: faint, font, ticks: { show: false } };
  return {
    height,
    padding: [8, 8, 0, 0],
    legend: { show: false },
    cursor: { y: false, points: { size: 6 }, drag: { x: false, y: false }, sync: { key: "machines" } },
    scales: { x: { time: true }, y: { range: [0, 100] } },
    axes: [
      { ...axis, size: 22, gap: 4, space: 70, grid: { show: false }, values: (_, splits) => splits.map((s) => new Date(s * 1000).toLocaleTimeString(undefined, { hour: "2-digit", minute: "2-digit", hour12: false })) },
      { ...axis, size: 38, gap: 4, splits: [0, 50, 100], values: (_, splits) => splits.map((s) => `${s} %`), grid: { stroke: line, width: 1 } },
    ],
    series: [
      {},
      { stroke: busy, fill: veiled(busy), width: 1.5, points: { show: false } },
      { stroke: accent, width: 1.5, dash: [3, 3], points: { show: false } },
    ],
    hooks: { setCursor: [(u) => onMove(u.cursor.idx ?? null)] },
  };
}

/** Chart draws how much of a device's memory was used, and how busy it was, over the last seconds of its past. */
export default function Chart({ device: d, points, seconds }: { device: Device; points: Point[]; seconds: number }) {
  const [over, setOver] = useState<number | null>(null);
  const { box, plot, drawn } = usePlot((el) => optionsFor(el, setOver));
  // The pointer moves over all charts at once: what is drawn stays as long as nothing else was measured.
  const [c, end] = useMemo(() => {
    const last = Date.parse(points.at(-1)?.at ?? "") / 1000;
    return [columns(points.filter((p) => Date.parse(p.at) / 1000 >= last - seconds), d.memory), last] as const;
  }, [points, seconds, d.memory]);
  useEffect(() => {
    const u = plot.current;
    u?.batch(() => {
      u.setData([c.time, c.memory, c.busy], false);
      u.setScale("x", { min: end - seconds, max: end });
    });
  }, [plot, c, end, seconds, drawn]);
  const at = over ?? c.time.length - 1;
  const memory = c.memory[at];
  const busy = c.busy[at];
  return (
    <div className="grid gap-2">
      <div ref={box} role="img" aria-label={t.machines.chart(d.name)} className="min-w-0" style={{ height }} />
      <p className="flex flex-wrap gap-x-4 gap-y-1 text-small text-muted">
        <span className="inline-flex items-center gap-2">
          <span aria-hidden className="h-2 w-3 rounded-sm bg-busy" />
          {t.machines.memory} {memory === null || memory === undefined ? t.machines.unmeasured : size((memory / 100) * d.memory)}
        </span>
        <span className="inline-flex items-center gap-2">
          <svg aria-hidden width="16" height="2" className="stroke-accent">
            <line x1="0" y1="1" x2="16" y2="1" strokeWidth="2" strokeDasharray="4 2" />
          </svg>
          {t.machines.busy} {busy === null || busy === undefined ? t.machines.unmeasured : `${busy} %`}
        </span>
        {over !== null && c.time[over] !== undefined && <span className="ml-auto">{clock(new Date(c.time[over] * 1000).toISOString())}</span>}
      </p>
    </div>
  );
}
