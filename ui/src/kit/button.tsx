import type { ComponentProps, ReactNode } from "react";

type Look = "fill" | "plain" | "quiet" | "danger";

const looks: Record<Look, string> = {
  fill: "bg-fill text-on-fill hover:brightness-110 border-transparent",
  plain: "bg-surface text-ink border-line hover:bg-raised",
  quiet: "bg-transparent text-muted border-transparent hover:bg-raised hover:text-ink",
  danger: "bg-surface text-bad border-line hover:bg-bad-tint",
};

const base = (look: Look): string =>
  `inline-flex h-8 shrink-0 items-center justify-center gap-2 rounded-md border font-medium whitespace-nowrap transition-colors disabled:opacity-55 pointer-coarse:h-11 ${looks[look]}`;

/** buttonClass is how a button looks, for links that look like one. */
export const buttonClass = (look: Look = "plain"): string => `px-3 ${base(look)}`;

export interface ButtonProps extends ComponentProps<"button"> {
  look?: Look;
  /** busy: what it does is under way, and it cannot be pressed again. */
  busy?: boolean;
}

export function Button({ look = "plain", busy = false, className = "", disabled, ...rest }: ButtonProps) {
  return <button type="button" {...rest} disabled={disabled || busy} aria-busy={busy || undefined} className={`${buttonClass(look)} ${className}`} />;
}

/** IconButton has its name for those who do not see the icon, and as a tooltip. */
export function IconButton({ label, children, className = "", ...rest }: Omit<ComponentProps<"button">, "aria-label" | "title"> & { label: string; children: ReactNode }) {
  return (
    <button type="button" {...rest} aria-label={label} title={label} className={`${base("quiet")} w-8 pointer-coarse:w-11 ${className}`}>
      {children}
    </button>
  );
}
