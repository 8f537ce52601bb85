import type { Node, NodeProps } from "@xyflow/react";
import { Box as BoxIcon, GitBranch, Hand, Layers, Package, Repeat } from "lucide-react";
import { createContext, memo, useContext } from "react";
import type { Box } from "../../core/graph.js";
import { Progress } from "../../kit/progress.js";
import { StateIcon, stateColour, stateName } from "../../kit/state.js";
import { t } from "../../strings.js";

/** What a drawn box is given. `stop`: it is where the Tab key comes to. */
export type Drawn = Node<{ box: Box; chosen: boolean; stop: boolean }>;

/** Devices says how a device is called by its UUID. */
export const Devices = createContext<(uuid: string) => string>((uuid) => uuid);

const kinds = { node: BoxIcon, gate: Hand, module: Package };
const borders: Record<string, string> = { running: "border-busy", cancelling: "border-warn", waiting: "border-warn", backoff: "border-warn", failed: "border-bad" };

/** said is a box in one sentence. */
function said({ title, kind, type, forEach, when, repeat, live }: Box): string {
  const counts = live === undefined ? [] : live.counts.length === 1 && live.counts[0]?.[1] === 1 ? [stateName(live.state)] : live.counts.map(([state, n]) => t.graph.counted(n, stateName(state)));
  return [title, kind === "node" ? type : t.graph.kinds[kind], ...counts, forEach && t.graph.forEach, when && t.graph.when, repeat && t.graph.repeat].filter(Boolean).join(", ");
}

/** same spares a card that looks as before. */
const same = (a: NodeProps<Drawn>, b: NodeProps<Drawn>): boolean =>
  a.data === b.data || (a.data.chosen === b.data.chosen && a.data.stop === b.data.stop && (a.data.box === b.data.box || JSON.stringify(a.data.box) === JSON.stringify(b.data.box)));

// From afar there are no words: the shape of the state alone, large, on its colour.
const far = "group-data-far/graph:invisible";
const farIcon = "grid shrink-0 group-data-far/graph:translate-x-[5.25rem] group-data-far/graph:scale-[2.4]";

/** Card is a node, a gate, or a module that is not open. */
export const Card = memo(function Card({ data: { box, chosen, stop } }: NodeProps<Drawn>) {
  const { title, kind, live, forEach } = box;
  const Kind = kinds[kind];
  const name = said(box);
  return (
    <button
      type="button"
      data-box={box.id}
      tabIndex={stop ? 0 : -1}
      aria-pressed={chosen}
      aria-label={name}
      title={name}
      className={`relative flex size-full items-center gap-3 overflow-hidden border px-3 text-left group-data-far/graph:border-current group-data-far/graph:bg-current/35 ${live === undefined ? "text-muted" : stateColour(live.state)} ${kind === "gate" ? "rounded-full pl-4" : "rounded-md"} ${chosen ? "border-accent bg-tint outline-1 outline-accent" : `bg-surface hover:bg-raised ${borders[live?.state ?? ""] ?? "border-edge/50"}`} ${forEach ? "shadow-[3px_3px_0_-1px_var(--color-surface),3px_3px_0_0_var(--color-edge)]" : ""}`}
    >
      <span className={farIcon}>{live === undefined ? <Kind size={16} aria-hidden /> : <StateIcon state={live.state} silent />}</span>
      <span className={`grid min-w-0 grow ${far}`}>
        <span className="flex min-w-0 items-center gap-2">
          <span className="min-w-0 grow truncate font-medium text-ink">{title}</span>
          <Marks box={box} />
        </span>
        <Under box={box} />
      </span>
      {(live?.fraction !== undefined || live?.state === "running") && (
        <span className="absolute inset-x-0 bottom-0">
          <Progress fraction={live.fraction} label={title} />
        </span>
      )}
    </button>
  );
}, same);

/** Frame is an open module, around what is in it. */
export const Frame = memo(function Frame({ data: { box, chosen, stop } }: NodeProps<Drawn>) {
  const { title, live } = box;
  const name = said(box);
  return (
    <div className={`size-full rounded-lg border border-dashed bg-raised/60 ${chosen ? "border-accent" : (borders[live?.state ?? ""] ?? "border-edge")}`}>
      <button type="button" data-box={box.id} tabIndex={stop ? 0 : -1} aria-pressed={chosen} aria-label={name} title={name} className={`flex h-10 w-full items-center gap-2 rounded-t-lg px-3 text-left ${chosen ? "bg-tint" : "hover:bg-raised"}`}>
        {live !== undefined && <StateIcon state={live.state} silent />}
        <span className={`min-w-0 truncate font-medium ${far}`}>{title}</span>
        <span className={`text-small text-muted ${far}`}>{t.graph.kinds.module}</span>
        <span className={`grow ${far}`} />
        <Marks box={box} />
      </button>
    </div>
  );
}, same);

function Marks({ box: { live, forEach, when, repeat } }: { box: Box }) {
  const instances = live?.counts.reduce((sum, [, n]) => sum + n, 0) ?? 0;
  return (
    <span className={`flex shrink-0 items-center gap-1 text-small text-muted ${far}`}>
      {forEach && instances === 0 && <Layers size={13} aria-hidden />}
      {when && <GitBranch size={13} aria-hidden />}
      {repeat && <Repeat size={13} aria-hidden />}
      {(live?.attempt ?? 0) > 1 && <span className="text-warn">{`×${live?.attempt}`}</span>}
      {instances > 1 && <span className="rounded-sm bg-raised px-1 font-medium">{instances.toLocaleString("en")}</span>}
    </span>
  );
}

/** Under is the second line: how many are in which state, where it is, or what it is. */
function Under({ box: { kind, type, live } }: { box: Box }) {
  const nameOf = useContext(Devices);
  if (live !== undefined && live.counts.reduce((sum, [, n]) => sum + n, 0) > 1)
    return (
      <span className="flex gap-3 overflow-hidden text-small text-muted">
        {live.counts.map(([state, n]) => (
          <span key={state} className="flex items-center gap-1">
            <StateIcon state={state} size={12} silent />
            {n.toLocaleString("en")}
          </span>
        ))}
      </span>
    );
  const where = live?.state === "running" && live.agent ? [...(live.devices ?? []).map(nameOf), live.agent].join(" · ") : undefined;
  return <span className="truncate text-small text-muted">{where ?? (kind === "node" ? type : t.graph.kinds[kind])}</span>;
}
