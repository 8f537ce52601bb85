import type { ErrorComponentProps } from "@tanstack/react-router";
import { ProblemError } from "../data/host.js";
import { Page } from "../kit/page.js";
import { Problem } from "../kit/problem.js";
import { t } from "../strings.js";

/** Broken stands in the place of a page that could not be drawn; what is around it goes on. */
export function Broken({ error, reset }: ErrorComponentProps) {
  const told = error instanceof ProblemError ? error : { title: t.problem.broken, detail: `${t.problem.broken}: ${error instanceof Error ? error.message : String(error)}`, fix: t.problem.brokenFix };
  return (
    <Page title={t.problem.broken}>
      <Problem error={told} onRetry={reset} />
    </Page>
  );
}
