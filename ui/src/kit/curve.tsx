import { useEffect } from "react";
import { coloursOf, usePlot } from "./plot.js";

const height = 160;

interface CurveProps {
  name: string;
  x: readonly number[];
  y: readonly number[];
}

/** Curve draws how a figure has gone so far, and says where it is now. */
export default function Curve({ name, x, y }: CurveProps) {
  const { box, plot, drawn } = usePlot((el) => {
    const [faint = "", line = "", busy = ""] = coloursOf(el, ["faint", "line", "busy"]);
    const axis = { stroke: faint, font: `11px ${getComputedStyle(el).fontFamily}`, ticks: { show: false } };
    return {
      height,
      padding: [8, 8, 0, 0],
      legend: { show: false },
      cursor: { show: false },
      scales: { x: { time: false } },
      axes: [
        { ...axis, size: 22, gap: 4, grid: { show: false } },
        { ...axis, size: 48, gap: 4, grid: { stroke: line, width: 1 } },
      ],
      series: [{}, { stroke: busy, width: 1.5, points: { show: false } }],
    };
  });
  useEffect(() => plot.current?.setData([[...x], [...y]]), [plot, x, y, drawn]);
  const last = y.at(-1);
  return (
    <figure className="grid min-w-0 gap-1">
      <div ref={box} role="img" aria-label={name} className="min-w-0" style={{ height }} />
      <figcaption className="text-small text-muted">{last === undefined ? name : `${name} ${last.toPrecision(4)}`}</figcaption>
    </figure>
  );
}
