import type { LucideIcon } from "lucide-react";
import type { ReactNode } from "react";

/** Empty says why there is nothing, and what makes something. */
export function Empty({ icon: Icon, title, children }: { icon: LucideIcon; title: string; children?: ReactNode }) {
  return (
    <div className="grid grid-cols-1 justify-items-center gap-2 px-4 py-12 text-center">
      <span className="mb-1 grid size-10 place-items-center rounded-lg bg-raised text-muted">
        <Icon size={20} aria-hidden />
      </span>
      <h2 className="text-lead">{title}</h2>
      <div className="grid max-w-[min(26rem,100%)] grid-cols-1 justify-items-center gap-3 text-muted">{children}</div>
    </div>
  );
}

/** Skeleton stands where something is on its way. */
export function Skeleton({ className = "h-4 w-full" }: { className?: string }) {
  return <div aria-hidden className={`animate-breathe rounded-md bg-raised ${className}`} />;
}
