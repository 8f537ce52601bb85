import { BadgeCheck, BadgeX, CircleHelp, ShieldAlert, ShieldCheck } from "lucide-react";
import { needsConsent, type AssetKind, type AssetVersion } from "../../core/assets.js";
import { t } from "../../strings.js";

const licences = { yes: [BadgeCheck, "text-good"], no: [BadgeX, "text-warn"], unknown: [CircleHelp, "text-muted"] } as const;

/** Licence is on what terms a version may be used, in one line. */
export function Licence({ licence }: { licence: AssetVersion["licence"] }) {
  const commercial = licence.commercial ?? "unknown";
  const [Icon, colour] = licences[commercial];
  const name = licence.id ?? t.library.noLicence;
  return (
    <span className="flex min-w-0 items-center gap-1 text-muted" title={`${name}: ${t.library.commercial[commercial]}`}>
      <Icon size={14} className={`shrink-0 ${colour}`} role="img" aria-label={t.library.commercial[commercial]} />
      <span className="truncate">{name}</span>
    </span>
  );
}

/** Consent says whether somebody has agreed, where somebody has to. */
export function Consent({ kind, version: v }: { kind: AssetKind; version: AssetVersion }) {
  if (!needsConsent(kind)) return null;
  return v.consent === undefined ? (
    <span className="flex shrink-0 items-center gap-1 font-medium text-warn">
      <ShieldAlert size={14} aria-hidden />
      {t.library.noConsent}
    </span>
  ) : (
    <span className="flex shrink-0 items-center gap-1 text-muted">
      <ShieldCheck size={14} className="text-good" aria-hidden />
      {t.library.consent}
    </span>
  );
}
