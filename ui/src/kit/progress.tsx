/** Progress of a fraction from 0 to 1; undefined: it is under way, and nobody knows how far. It is drawn without inline styles. */
export function Progress({ fraction, label, tone = "busy" }: { fraction: number | undefined; label: string; tone?: "busy" | "good" | "bad" | "muted" }) {
  const fill = { busy: "fill-busy", good: "fill-good", bad: "fill-bad", muted: "fill-edge" }[tone];
  const value = fraction === undefined ? undefined : Math.round(fraction * 100);
  return (
    <svg role="progressbar" aria-label={label} aria-valuemin={0} aria-valuemax={100} aria-valuenow={value} className="h-1 w-full overflow-hidden rounded-full" preserveAspectRatio="none" viewBox="0 0 100 1">
      <rect width="100" height="1" className="fill-raised" />
      <rect width={value ?? 100} height="1" className={value === undefined ? `${fill} animate-breathe` : `${fill} transition-[width]`} />
    </svg>
  );
}
