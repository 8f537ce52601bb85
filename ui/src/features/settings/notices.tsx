import { useState } from "react";
import { permission, setWish, useWish } from "../../data/notices.js";
import { Checkbox } from "../../kit/field.js";
import { Section } from "../../kit/page.js";
import { t } from "../../strings.js";

/** NoticeSettings is what this browser tells of while another page is looked at. The browser asks for leave at the first click. */
export function NoticeSettings() {
  const wish = useWish();
  const [leave, setLeave] = useState(permission());
  const set = (change: Partial<typeof wish>): void => {
    const next = { ...wish, ...change };
    if (!next.ends && !next.gates) return setWish(next);
    void Notification.requestPermission().then((now) => {
      setLeave(now);
      if (now === "granted") setWish(next);
    });
  };
  const off = leave === "none" || leave === "denied";
  return (
    <Section title={t.notices.title}>
      <div className="card grid gap-4 p-4">
        <p className={off ? "text-warn" : "text-muted"}>{t.notices.leave[leave]}</p>
        <Checkbox label={t.notices.ends} help={t.notices.endsHelp} disabled={off} checked={!off && wish.ends} onChange={(e) => set({ ends: e.target.checked })} />
        <Checkbox label={t.notices.gates} help={t.notices.gatesHelp} disabled={off} checked={!off && wish.gates} onChange={(e) => set({ gates: e.target.checked })} />
      </div>
    </Section>
  );
}
