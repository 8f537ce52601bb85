import "./graph.css";
import { getViewportForBounds, MiniMap, Panel, ReactFlow, ReactFlowProvider, useReactFlow } from "@xyflow/react";
import { useQuery } from "@tanstack/react-query";
import { Maximize, Minus, Plus, Workflow } from "lucide-react";
import { useCallback, useEffect, useMemo, useRef, useState, type KeyboardEvent } from "react";
import type { Direction, Layout } from "../../core/layout.js";
import { devices } from "../../data/host.js";
import { IconButton } from "../../kit/button.js";
import { Empty, Skeleton } from "../../kit/empty.js";
import { Problem } from "../../kit/problem.js";
import { stateColour } from "../../kit/state.js";
import { t } from "../../strings.js";
import { Card, Devices, Frame, type Drawn } from "./card.js";
import { beside, cornersOf } from "./move.js";
import type { GraphProps } from "./props.js";
import { useLayout } from "./use-layout.js";
import { Ways } from "./ways.js";

const boxTypes = { card: Card, frame: Frame };
const narrow = 560; // pixels, under which it runs down
const mapped = 24; // boxes, from which on a map is of use
const afar = 0.45; // zoom, under which no words can be read

const seen = 0.9; // of its width, by a graph that is seen whole
const room = 112; // pixels around a graph that is seen whole, for what lies over it

// What React Flow says of its own keys, which are not used here.
const noHelp = { "node.a11yDescription.default": "", "node.a11yDescription.keyboardDisabled": "", "edge.a11yDescription.default": "" };

const calm = (): boolean => matchMedia("(prefers-reduced-motion: reduce)").matches;
const foot = 44; // pixels below the graph, for the buttons
const zooms = { least: 0.02, most: 1.6 };

/** Canvas is the graph itself. */
export default function Canvas(props: GraphProps) {
  const { graph, snug = false, className = "h-96" } = props;
  const box = useRef<HTMLDivElement>(null);
  // As wide as it was when it got its direction: a panel that opens beside it changes nothing of its height.
  const [measure, setMeasure] = useState<{ direction: Direction; width: number }>();
  const empty = graph.boxes.length === 0;
  useEffect(() => {
    if (empty || box.current === null) return;
    const watch = new ResizeObserver(([e]) => {
      const width = e?.contentRect.width ?? 0;
      const direction = width >= narrow ? "LR" : "TB";
      if (width > 0) setMeasure((was) => (was?.direction === direction ? was : { direction, width }));
    });
    watch.observe(box.current);
    return () => watch.disconnect();
  }, [empty]);
  const { layout, wrong } = useLayout(graph, measure?.direction);
  if (empty)
    return (
      <div className="card">
        <Empty icon={Workflow} title={t.graph.empty}>
          <p>{t.graph.emptyText}</p>
        </Empty>
      </div>
    );
  return (
    <div ref={box} className={`card relative overflow-hidden ${className}`} style={snug && layout !== undefined && measure !== undefined ? { height: layout.height * Math.min(1, (measure.width * seen) / layout.width) + room } : undefined}>
      {wrong !== undefined ? (
        <div className="p-4">
          <Problem error={{ title: wrong, fix: t.graph.wrongFix }} />
        </div>
      ) : layout === undefined ? (
        <Skeleton className="size-full rounded-none" />
      ) : (
        <ReactFlowProvider key={layout.direction}>
          <Drawing {...props} layout={layout} />
        </ReactFlowProvider>
      )}
    </div>
  );
}

function Drawing({ graph, selected, onSelect, label, layout }: GraphProps & { layout: Layout }) {
  const wrap = useRef<HTMLDivElement>(null);
  const flow = useReactFlow();
  const known = useQuery(devices).data?.devices;
  const nameOf = useCallback((uuid: string) => known?.find((d) => d.uuid === uuid)?.name ?? uuid.slice(0, 12), [known]);
  const [focused, setFocused] = useState<string>();
  const corners = useMemo(() => cornersOf(graph, layout.places), [graph, layout]);
  const stop = [focused, selected].find((id) => id !== undefined && corners.has(id)) ?? graph.boxes[0]?.id;
  const open = useMemo(() => new Set(graph.boxes.map((b) => b.in)), [graph]);
  const nodes = useMemo(
    () =>
      graph.boxes.flatMap((b): Drawn[] => {
        const place = layout.places[b.id];
        if (place === undefined || (b.in !== undefined && layout.places[b.in] === undefined)) return []; // it is new: the layout is on its way
        const { width, height, x, y } = place;
        return [
          {
            id: b.id,
            type: open.has(b.id) ? "frame" : "card",
            zIndex: open.has(b.id) ? 0 : 2, // the lines are between
            position: { x, y },
            width,
            height,
            measured: { width, height },
            data: { box: b, chosen: b.id === selected, stop: b.id === stop },
            ...(b.in === undefined ? {} : { parentId: b.in }),
          },
        ];
      }),
    [graph, layout, open, selected, stop],
  );
  /** show brings a box into view, when it is not. */
  const show = useCallback(
    (id: string) => {
      const at = corners.get(id);
      const frame = wrap.current?.getBoundingClientRect();
      if (at === undefined || frame === undefined) return;
      const { x, y, zoom } = flow.getViewport();
      const left = at.x * zoom + x;
      const top = at.y * zoom + y;
      if (left >= 0 && top >= 0 && left + at.width * zoom <= frame.width && top + at.height * zoom <= frame.height) return;
      void flow.setCenter(at.x + at.width / 2, at.y + at.height / 2, { zoom: Math.max(zoom, afar), duration: calm() ? 0 : 200 });
    },
    [corners, flow],
  );
  useEffect(() => {
    if (selected !== undefined) show(selected);
    // eslint-disable-next-line react-hooks/exhaustive-deps -- not again whenever a run changes
  }, [selected]);
  /** whole shows all of it, at its full size when there is room. */
  const whole = useCallback(
    (duration: number) => {
      const frame = wrap.current?.getBoundingClientRect();
      if (frame !== undefined) void flow.setViewport(getViewportForBounds({ x: 0, y: 0, width: layout.width, height: layout.height }, frame.width, frame.height - foot, zooms.least, 1, 0.03), { duration });
    },
    [layout, flow],
  );
  const [ready, setReady] = useState(false);
  useEffect(() => {
    if (ready) whole(0);
  }, [ready, whole]);

  const press = (e: KeyboardEvent): void => {
    const from = (e.target as HTMLElement).dataset["box"];
    if (from === undefined) return;
    if (e.key === "Escape") onSelect?.(undefined);
    const to = beside(corners, from, e.key);
    if (to === undefined) return;
    e.preventDefault();
    setFocused(to);
    show(to);
    wrap.current?.querySelector<HTMLElement>(`[data-box="${CSS.escape(to)}"]`)?.focus({ preventScroll: true });
  };
  return (
    <Devices value={nameOf}>
      <div ref={wrap} role="group" aria-label={label} onKeyDown={press} className={`group/graph size-full ${ready ? "" : "opacity-0"}`}>
        <ReactFlow
          nodes={nodes}
          nodeTypes={boxTypes}
          zIndexMode="manual"
          minZoom={zooms.least}
          maxZoom={zooms.most}
          onInit={() => setReady(true)}
          onMoveStart={() => wrap.current?.setAttribute("data-moving", "")}
          onMoveEnd={() => wrap.current?.removeAttribute("data-moving")}
          onMove={(_, { zoom }) => wrap.current?.toggleAttribute("data-far", zoom < afar)}
          onNodeClick={(_, { id }) => {
            setFocused(id);
            onSelect?.(id);
          }}
          onPaneClick={() => onSelect?.(undefined)}
          nodesDraggable={false}
          nodesConnectable={false}
          nodesFocusable={false}
          elementsSelectable={false}
          disableKeyboardA11y
          ariaLabelConfig={noHelp}
          zoomOnScroll={false}
          zoomOnDoubleClick={false}
          attributionPosition="top-right"
          preventScrolling={false}
          deleteKeyCode={null}
        >
          <Ways layout={layout} chosen={selected} />
          <Panel position="bottom-left" className="m-3! flex rounded-md border border-line bg-surface">
            <IconButton label={t.graph.closer} onClick={() => void flow.zoomIn({ duration: calm() ? 0 : 150 })}>
              <Plus size={16} />
            </IconButton>
            <IconButton label={t.graph.further} onClick={() => void flow.zoomOut({ duration: calm() ? 0 : 150 })}>
              <Minus size={16} />
            </IconButton>
            <IconButton label={t.graph.all} onClick={() => whole(calm() ? 0 : 200)}>
              <Maximize size={16} />
            </IconButton>
          </Panel>
          {layout.direction === "LR" && nodes.length >= mapped && <MiniMap<Drawn> pannable className="m-3! overflow-hidden rounded-md border border-line" ariaLabel={t.graph.map} nodeColor={mapColour} nodeBorderRadius={8} bgColor="var(--color-surface)" maskColor="color-mix(in srgb, var(--color-raised) 75%, transparent)" />}
        </ReactFlow>
      </div>
    </Devices>
  );
}

/** mapColour is the colour of a state: its class with what Tailwind calls it taken off. */
const mapColour = ({ type, data: { box } }: Drawn): string => `var(--color-${type === "frame" ? "line" : box.live === undefined ? "edge" : stateColour(box.live.state).replace("text-", "")})`;
