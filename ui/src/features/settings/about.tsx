import { useQuery } from "@tanstack/react-query";
import { CircleCheck, CircleX } from "lucide-react";
import type { Problem as Told, Schemas } from "../../api/client.js";
import { api, ask } from "../../data/host.js";
import { Copy } from "../../kit/copy.js";
import { Skeleton } from "../../kit/empty.js";
import { Section } from "../../kit/page.js";
import { Problem } from "../../kit/problem.js";
import { t } from "../../strings.js";

const source = "https://github.com/myspinbot/spinbot";

/** About is which MySpinBot this is, how it is, and where more is said of it. */
export function About() {
  const health = useQuery({
    queryKey: ["health"],
    queryFn: async () => {
      const asked = await api.GET("/health");
      const error = asked.error as Schemas["Health"] | Told | undefined;
      if (error !== undefined && "checks" in error) return error; // it answers, and says what fails
      return ask<Schemas["Health"]>(Promise.resolve(asked as { data?: Schemas["Health"]; error?: Told; response: Response }));
    },
  });
  return (
    <div className="grid max-w-[48rem] grid-cols-1 gap-6">
      <Section title={t.about.version}>
        {health.error !== null && <Problem error={health.error} onRetry={() => void health.refetch()} />}
        {health.isPending && <Skeleton className="h-24" />}
        {health.data !== undefined && (
          <div className="card grid grid-cols-1 gap-3 p-4">
            <p className="flex flex-wrap items-center gap-3">
              <img src="/icon.svg" width={32} height={32} alt="" />
              <span className="text-lead font-semibold">{t.product}</span>
              <Copy text={health.data.version} />
            </p>
            <ul className="flex flex-wrap gap-x-6 gap-y-2">
              {Object.entries(health.data.checks)
                .sort(([a], [b]) => a.localeCompare(b))
                .map(([what, how]) => (
                  <li key={what} className="flex min-w-0 items-start gap-2">
                    {how === "ok" ? <CircleCheck size={16} className="mt-[2px] shrink-0 text-good" aria-hidden /> : <CircleX size={16} className="mt-[2px] shrink-0 text-bad" aria-hidden />}
                    <span className="min-w-0 break-words">
                      <span className="font-medium">{t.about.checks[what] ?? what}</span> <span className={how === "ok" ? "text-muted" : "text-bad"}>{how === "ok" ? t.machines.well : how}</span>
                    </span>
                  </li>
                ))}
            </ul>
          </div>
        )}
      </Section>
      <Section title={t.about.more}>
        <ul className="card divide-y divide-line overflow-hidden">
          {[
            { href: `${source}/tree/main/docs`, title: t.about.docs, text: t.about.docsText },
            { href: "/api/openapi.json", title: t.about.api, text: t.about.apiText },
            { href: `${source}/blob/main/LICENSE`, title: t.about.licence, text: t.about.licenceText },
          ].map((x) => (
            <li key={x.href}>
              <a href={x.href} target="_blank" rel="noreferrer" className="grid px-4 py-3 -outline-offset-2 hover:bg-raised">
                <span className="font-medium text-accent">{x.title}</span>
                <span className="text-muted">{x.text}</span>
              </a>
            </li>
          ))}
        </ul>
      </Section>
    </div>
  );
}
