import { useEffect, useRef, useState, type RefObject } from "react";
import uPlot from "uplot";
import "uplot/dist/uPlot.min.css";

/** coloursOf tokens, as the theme has them now: a canvas knows no variables. */
export function coloursOf(el: Element, names: readonly string[]): string[] {
  const probes = names.map((name) => {
    const probe = document.createElement("i");
    probe.style.color = `var(--color-${name})`;
    return probe;
  });
  el.append(...probes);
  const colours = probes.map((probe) => getComputedStyle(probe).color);
  for (const probe of probes) probe.remove();
  return colours;
}

interface Plot {
  box: RefObject<HTMLDivElement | null>;
  plot: RefObject<uPlot | undefined>;
  /** Changes when it was drawn anew, without data. */
  drawn: number;
}

/** usePlot draws into a box as high as the options say and as wide as its place, and anew when the theme is another. The options are asked for then. */
export function usePlot(options: (el: HTMLElement) => Omit<uPlot.Options, "width">): Plot {
  const box = useRef<HTMLDivElement>(null);
  const plot = useRef<uPlot>(undefined);
  const asked = useRef(options);
  const [drawn, setDrawn] = useState(0);
  useEffect(() => {
    const el = box.current;
    if (el === null) return;
    const said = asked.current(el);
    const width = (): number => Math.max(120, el.clientWidth);
    const now = new uPlot({ ...said, width: width() }, [[], ...said.series.slice(1).map(() => [])], el);
    plot.current = now;
    const again = (): void => setDrawn((n) => n + 1);
    const theme = new MutationObserver(again);
    theme.observe(document.documentElement, { attributes: true, attributeFilter: ["data-theme"] });
    const scheme = matchMedia("(prefers-color-scheme: dark)");
    scheme.addEventListener("change", again);
    const resized = new ResizeObserver(() => now.setSize({ width: width(), height: said.height }));
    resized.observe(el);
    return () => {
      theme.disconnect();
      scheme.removeEventListener("change", again);
      resized.disconnect();
      now.destroy();
    };
  }, [drawn]);
  return { box, plot, drawn };
}
