import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import type { ReactNode } from "react";
import { needsConsent, type Asset, type AssetVersion } from "../../core/assets.js";
import { date, size } from "../../core/format.js";
import { lineage } from "../../data/files.js";
import { Section } from "../../kit/page.js";
import { t } from "../../strings.js";

const runOf = (at: string): string => at.split("/")[0] ?? "";

/** Facts are a version's consent and licence, where it comes from, and which runs used it. */
export function Facts({ asset: a, version: v }: { asset: Asset; version: AssetVersion }) {
  const attempts = useQuery(lineage(v.artifact.$artifact)).data?.used ?? [];
  const used = attempts.filter((x, i) => attempts.findIndex((y) => y.type === x.type && runOf(y.at) === runOf(x.at)) === i);
  const c = v.consent;
  return (
    <Section title={t.library.about}>
      <dl className="card grid grid-cols-[auto_minmax(0,1fr)] gap-x-4 gap-y-2 p-4">
        <Fact name={t.library.kind}>{t.library.kindOf[a.kind]}</Fact>
        <Fact name={t.library.licence}>
          {v.licence.id ?? t.library.noLicence}
          <span className="block text-muted">{t.library.commercial[v.licence.commercial ?? "unknown"]}</span>
        </Fact>
        {needsConsent(a.kind) && (
          <Fact name={t.library.consent}>
            {c === undefined ? (
              <span className="font-medium text-warn">{t.library.noConsent}</span>
            ) : (
              <>
                {t.library.given(c.by, c.on)}
                <span className="block text-muted">{t.library.givenFor(c.for)}</span>
              </>
            )}
          </Fact>
        )}
        <Fact name={t.library.file}>
          {v.artifact.media_type} <span className="text-muted">{size(v.artifact.size ?? 0)}</span>
        </Fact>
        <Fact name={t.library.made}>
          {v.made === undefined ? (
            t.library.uploaded
          ) : (
            <RunLink at={v.made}>{v.made.split("/").slice(1).join("/")}</RunLink>
          )}
        </Fact>
        <Fact name={t.library.since}>{v.creator ? t.library.addedBy(date(v.created), v.creator) : date(v.created)}</Fact>
        {used.length > 0 && (
          <Fact name={t.library.used}>
            <ul className="grid gap-1">
              {used.slice(0, 8).map((x) => (
                <li key={x.at} className="min-w-0">
                  <RunLink at={x.at}>
                    {x.pipeline} <span className="text-muted">{x.type}</span>
                  </RunLink>
                </li>
              ))}
              {used.length > 8 && <li className="text-muted">{t.library.more(used.length - 8)}</li>}
            </ul>
          </Fact>
        )}
      </dl>
    </Section>
  );
}

function Fact({ name, children }: { name: string; children: ReactNode }) {
  return (
    <>
      <dt className="text-muted">{name}</dt>
      <dd className="min-w-0 break-words">{children}</dd>
    </>
  );
}

function RunLink({ at, children }: { at: string; children: ReactNode }) {
  return (
    <Link to="/runs/$id" params={{ id: runOf(at) }} title={at} className="block truncate text-accent hover:underline">
      {children}
    </Link>
  );
}
