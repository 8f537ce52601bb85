import { consentOf, needsConsent, type AssetKind, type Commercial, type Said } from "../../core/assets.js";
import { Area, Input, Select } from "../../kit/field.js";
import { t } from "../../strings.js";

/** SaidFields are what is said of a version: its note, its licence, and consent where somebody's is needed. */
export function SaidFields({ kind, said, onChange, tried }: { kind: AssetKind; said: Said; onChange: (said: Said) => void; tried: boolean }) {
  const set = (part: Partial<Said>): void => onChange({ ...said, ...part });
  const part = tried && consentOf(said) === "part";
  return (
    <>
      <div className="grid grid-cols-1 items-start gap-4 sm:grid-cols-2">
        <Input label={t.library.licence} help={t.library.licenceHelp} value={said.licence} maxLength={200} autoComplete="off" onChange={(e) => set({ licence: e.currentTarget.value })} />
        <Select label={t.library.commercialLabel} value={said.commercial} onChange={(e) => set({ commercial: e.currentTarget.value as Commercial })}>
          {(["unknown", "yes", "no"] as const).map((c) => (
            <option key={c} value={c}>
              {t.library.allows[c]}
            </option>
          ))}
        </Select>
      </div>
      {needsConsent(kind) && (
        <fieldset className="grid min-w-0 grid-cols-1 gap-4 rounded-lg border border-line p-4">
          <legend className="px-1 font-medium">{t.library.consent}</legend>
          <p className="-mt-2 text-muted">{t.library.consentWhy[kind === "face" ? "face" : "voice"]}</p>
          <div className="grid grid-cols-1 items-start gap-4 sm:grid-cols-2">
            <Input label={t.library.by} value={said.by} maxLength={200} autoComplete="off" error={part && said.by.trim() === "" ? t.library.consentPart : undefined} onChange={(e) => set({ by: e.currentTarget.value })} />
            <Input label={t.library.on} type="date" value={said.on} error={part && said.on === "" ? t.library.consentPart : undefined} onChange={(e) => set({ on: e.currentTarget.value })} />
          </div>
          <Input label={t.library.for} help={t.library.forHelp} value={said.for} maxLength={1000} autoComplete="off" error={part && said.for.trim() === "" ? t.library.consentPart : undefined} onChange={(e) => set({ for: e.currentTarget.value })} />
        </fieldset>
      )}
      <Area label={t.library.note} rows={2} value={said.note} maxLength={4000} onChange={(e) => set({ note: e.currentTarget.value })} />
    </>
  );
}
