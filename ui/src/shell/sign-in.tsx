import { useMutation, useQuery } from "@tanstack/react-query";
import { api, ask, link, queries } from "../data/host.js";
import { Button, buttonClass } from "../kit/button.js";
import { Copy } from "../kit/copy.js";
import { Input } from "../kit/field.js";
import { Problem } from "../kit/problem.js";
import { t } from "../strings.js";
import { useEffect } from "react";
import { Logo } from "./logo.js";

const provider = "/api/v1/session/oidc";

/** SignIn takes a token, and gets a cookie for it that no script reads. */
export function SignIn() {
  useEffect(() => {
    document.title = t.title(t.signIn.title);
  }, []);
  const signIn = useMutation({
    mutationFn: (token: string) => ask(api.POST("/api/v1/session", { body: { token } })),
    onSuccess: async () => {
      await queries.resetQueries();
      link.now();
    },
  });
  // Where accounts elsewhere count, the host sends there; else it has no such place.
  const elsewhere = useQuery({ queryKey: ["provider"], staleTime: Infinity, retry: false, queryFn: async () => (await fetch(provider, { redirect: "manual" })).type === "opaqueredirect" });
  return (
    <main className="grid min-h-dvh place-items-center p-4">
      <form
        className="card grid w-full max-w-sm gap-6 p-6"
        onSubmit={(e) => {
          e.preventDefault();
          const token = new FormData(e.currentTarget).get("token");
          if (typeof token === "string" && token.trim() !== "") signIn.mutate(token.trim());
        }}
      >
        <div className="grid gap-3">
          <Logo size={32} />
          <div className="grid gap-1">
            <h1 className="text-title">{t.signIn.title}</h1>
            <p className="text-muted">{t.signIn.text}</p>
          </div>
        </div>
        {signIn.error !== null && <Problem error={signIn.error} />}
        <Input label={t.signIn.token} name="token" type="password" autoComplete="current-password" spellCheck={false} required autoFocus placeholder="spinbot_…" />
        <div className="grid gap-2">
          <Button type="submit" look="fill" busy={signIn.isPending}>
            {t.signIn.submit}
          </Button>
          {elsewhere.data === true && (
            <a className={buttonClass()} href={`${provider}?back=${encodeURIComponent(location.pathname + location.search)}`}>
              {t.signIn.provider}
            </a>
          )}
        </div>
        <div className="grid justify-items-start gap-2 border-t border-line pt-4 text-small text-muted">
          {t.signIn.how}
          <Copy text={t.signIn.command} />
        </div>
      </form>
    </main>
  );
}
