import { Ban, CircleCheck, CircleDashed, CirclePause, CircleStop, CircleX, Clock, Hand, LoaderCircle, RotateCw, SkipForward, TriangleAlert, Unplug, Zap, Circle, type LucideIcon } from "lucide-react";
import { t } from "../strings.js";

/** Each state has a shape and a colour of its own: neither is needed to tell it. */
const looks: Record<string, [icon: LucideIcon, colour: string, motion?: string]> = {
  created: [Clock, "text-muted"],
  pending: [CircleDashed, "text-faint"],
  ready: [Circle, "text-muted"],
  queued: [Clock, "text-muted"],
  placed: [Clock, "text-busy"],
  running: [LoaderCircle, "text-busy", "animate-turn"],
  paused: [CirclePause, "text-warn"],
  waiting: [Hand, "text-warn"],
  backoff: [RotateCw, "text-warn"],
  cancelling: [CircleStop, "text-warn", "animate-breathe"],
  succeeded: [CircleCheck, "text-good"],
  failed: [CircleX, "text-bad"],
  skipped: [SkipForward, "text-faint"],
  cancelled: [Ban, "text-muted"],
  cached: [Zap, "text-good"],
  interrupted: [Unplug, "text-warn"],
  // of machines and devices
  up: [CircleCheck, "text-good"],
  offline: [Unplug, "text-bad"],
  draining: [CirclePause, "text-warn", "animate-breathe"],
  cordoned: [CirclePause, "text-warn"],
  incompatible: [CircleX, "text-bad"],
  care: [TriangleAlert, "text-warn"],
  ill: [TriangleAlert, "text-bad"],
  held: [CirclePause, "text-warn"],
  idle: [Circle, "text-muted"],
};
const unknown: [LucideIcon, string, string?] = [CircleDashed, "text-faint"];

/** stateName is a state in words. */
export const stateName = (state: string): string => t.state[state] ?? state;

/** stateColour is the class of a state's colour. */
export const stateColour = (state: string): string => (looks[state] ?? unknown)[1];

/** StateIcon is a state's shape; named, unless the word stands beside it. */
export function StateIcon({ state, size = 16, silent = false }: { state: string; size?: number; silent?: boolean }) {
  const [Icon, colour, motion = ""] = looks[state] ?? unknown;
  return <Icon size={size} className={`shrink-0 ${colour} ${motion}`} {...(silent ? { "aria-hidden": true } : { role: "img", "aria-label": stateName(state) })} />;
}

/** State is a state's shape and word. */
export function State({ state }: { state: string }) {
  const [, colour] = looks[state] ?? unknown;
  return (
    <span className={`inline-flex items-center gap-1 font-medium whitespace-nowrap ${colour}`}>
      <StateIcon state={state} silent />
      {stateName(state)}
    </span>
  );
}

/** Badge is a short word beside something: a count, a kind. */
export function Badge({ children }: { children: React.ReactNode }) {
  return <span className="inline-block h-5 max-w-full truncate rounded-sm bg-raised px-2 text-small leading-5 font-medium text-muted">{children}</span>;
}
