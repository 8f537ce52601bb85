import { CircleCheck, CircleX, X } from "lucide-react";
import { useEffect, useSyncExternalStore } from "react";
import { t } from "../strings.js";
import { Button, IconButton } from "./button.js";
import { toldBy } from "./problem.js";

interface Toast {
  id: number;
  text: string;
  fix?: string | undefined;
  bad: boolean;
  undo?: (() => void) | undefined;
}

let toasts: readonly Toast[] = [];
let next = 1;
const watchers = new Set<() => void>();

function put(list: readonly Toast[]): void {
  toasts = list;
  for (const told of watchers) told();
}

/** toast says that something was done; undo takes it back. */
export const toast = (text: string, undo?: () => void): void => put([...toasts.slice(-2), { id: next++, text, bad: false, undo }]);

/** toastProblem says that something could not be done, and what to do. */
export function toastProblem(error: unknown): void {
  const { title, detail, fix } = toldBy(error);
  put([...toasts.slice(-2), { id: next++, text: detail ?? title, fix, bad: true }]);
}

const drop = (id: number): void => put(toasts.filter((x) => x.id !== id));

/** Toasts is where they are seen; the shell has one. */
export function Toasts() {
  const list = useSyncExternalStore(
    (told) => {
      watchers.add(told);
      return () => watchers.delete(told);
    },
    () => toasts,
  );
  return (
    <div role="region" aria-live="polite" className="pointer-events-none fixed inset-x-4 bottom-20 z-50 grid justify-items-end gap-2 md:bottom-4">
      {list.map((x) => (
        <One key={x.id} toast={x} />
      ))}
    </div>
  );
}

function One({ toast: x }: { toast: Toast }) {
  useEffect(() => {
    const timer = setTimeout(() => drop(x.id), x.bad || x.undo ? 10_000 : 5000);
    return () => clearTimeout(timer);
  }, [x]);
  const Icon = x.bad ? CircleX : CircleCheck;
  return (
    <div className="pointer-events-auto flex w-full max-w-sm items-start gap-2 rounded-lg bg-surface py-2 pr-2 pl-3 shadow-float">
      <Icon size={16} className={`mt-2 shrink-0 ${x.bad ? "text-bad" : "text-good"}`} aria-hidden />
      <div className="grow py-[6px]">
        <p className="break-words">{x.text}</p>
        {x.fix !== undefined && x.fix !== "" && <p className="break-words text-muted">{x.fix}</p>}
      </div>
      {x.undo !== undefined && (
        <Button look="quiet" className="text-accent" onClick={() => (x.undo?.(), drop(x.id))}>
          {t.undo}
        </Button>
      )}
      <IconButton label={t.close} onClick={() => drop(x.id)}>
        <X size={15} />
      </IconButton>
    </div>
  );
}
