import { useQuery } from "@tanstack/react-query";
import { Link, useSearch } from "@tanstack/react-router";
import { sentence } from "../../core/format.js";
import { me, useMay } from "../../data/host.js";
import { Choice } from "../../kit/choice.js";
import { NeedsAdmin } from "../../kit/needs-admin.js";
import { Page, Section } from "../../kit/page.js";
import { setTheme, useTheme, type Theme } from "../../kit/theme.js";
import { t } from "../../strings.js";
import { About } from "./about.js";
import { Audit } from "./audit.js";
import { BillSettings } from "./bill.js";
import { NoticeSettings } from "./notices.js";
import { Tokens } from "./tokens.js";
import { Users } from "./users.js";

const parts = ["you", "bill", "access", "audit", "about"] as const;
export type Part = (typeof parts)[number];

/** partOf the settings that an address names; without one, the first. */
export const partOf = (name: unknown): Part => parts.find((p) => p === name) ?? "you";

/** Settings is what a person sets for this browser, and an admin for the host. Which part is seen is in the address. */
export function Settings() {
  const part = partOf(useSearch({ from: "/settings" }).part);
  const may = useMay("admin");
  return (
    <Page title={t.settings.title}>
      <nav aria-label={t.settings.title} className="-mx-4 flex gap-4 overflow-x-auto border-b border-line px-4 md:mx-0 md:px-0">
        {parts.map((p) => (
          <Link
            key={p}
            to="/settings"
            search={{ part: p }}
            aria-current={p === part ? "page" : undefined}
            className="-mb-px grid h-9 shrink-0 place-items-center border-b-2 border-transparent font-medium text-muted -outline-offset-2 hover:text-ink aria-[current=page]:border-accent aria-[current=page]:text-ink pointer-coarse:h-11"
          >
            {t.settings.parts[p]}
          </Link>
        ))}
      </nav>
      {part === "you" && <You />}
      {part === "bill" && <BillSettings />}
      {part === "access" &&
        (may ? (
          <>
            <Tokens />
            <Users />
          </>
        ) : (
          <NeedsAdmin what={t.settings.accessAsAdmin} />
        ))}
      {part === "audit" && (may ? <Audit /> : <NeedsAdmin what={t.settings.auditAsAdmin} />)}
      {part === "about" && <About />}
    </Page>
  );
}

function You() {
  const who = useQuery(me).data;
  const theme = useTheme();
  const themes: { value: Theme; title: string }[] = [
    { value: "auto", title: t.theme.system },
    { value: "light", title: t.theme.light },
    { value: "dark", title: t.theme.dark },
  ];
  return (
    <div className="grid max-w-[48rem] grid-cols-1 gap-6">
      <Section title={t.settings.you}>
        <div className="card grid gap-1 px-4 py-3">
          <p className="font-medium">{who?.sign_in ? t.account.as(who.user, who.role) : t.settings.nobody}</p>
          <p className="text-muted">{sentence(t.settings.may[who?.role ?? ""] ?? "")}</p>
        </div>
      </Section>
      <Section title={t.theme.label}>
        <div className="card px-2 py-2">
          <Choice label={t.theme.label} value={theme} options={themes} onChange={setTheme} />
        </div>
      </Section>
      <NoticeSettings />
    </div>
  );
}
