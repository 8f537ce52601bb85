import { energy, shown, type Spent as Used } from "../core/bill.js";
import { duration } from "../core/format.js";
import { t } from "../strings.js";

/** Spent is what was used, a figure beside the other, and below them what of it nobody has measured. */
export function Spent({ spent, currency = "" }: { spent: Used; currency?: string | undefined }) {
  const { estimated_wh: estimated = 0, unknown_seconds: unknown = 0, guessed_seconds: guessed = 0 } = spent.used;
  const notes = [
    estimated > 0 ? t.bill.estimated(energy(estimated)) : "",
    unknown > 0 ? t.bill.unknown(duration(unknown)) : "",
    guessed > 0 ? t.bill.guessed(duration(guessed)) : "",
  ].filter(Boolean);
  const figures = shown(spent, currency);
  return (
    <div className="card grid gap-3 p-4">
      {figures.length === 0 && <p className="text-muted">{t.bill.little}</p>}
      {figures.length > 0 && (
        <dl className="grid grid-cols-2 gap-x-6 gap-y-3 sm:flex sm:flex-wrap sm:gap-x-8">
          {figures.map(([name, text]) => (
            <div key={name} className="grid min-w-0" title={t.bill.hints[name]}>
              <dt className="text-small text-muted">{t.bill.figures[name]}</dt>
              <dd className={`font-medium tabular-nums ${name === "wasted" ? "text-warn" : name === "saved" ? "text-good" : ""}`}>{text}</dd>
            </div>
          ))}
        </dl>
      )}
      {notes.length > 0 && <p className="text-small text-muted">{notes.join(" ")}</p>}
    </div>
  );
}
